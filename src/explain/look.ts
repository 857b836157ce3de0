/**
 * How the rules see a cluster: objects on demand, each asked for once, all of one inquiry as they were at that moment. A test gives a few objects;
 * a command gives an API (`cluster-look.ts`). What may not be read, or is not served, counts as absent, and is told in `unseen`.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Resource } from '../client/client.ts';

/** A resource that the cluster serves. */
export type ServedResource = Resource<KubeObject> & { readonly verbs: readonly string[]; readonly preferred: boolean };

export interface Look {
  readonly nowMs: number;
  get<T extends KubeObject>(resource: Resource<T>, reference: ObjectReference): Promise<T | undefined>;
  /** Of one namespace, or of all. */
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<readonly T[]>;
  /** The last lines that a container wrote, or the run before; empty where nobody can tell. */
  logs(pod: ObjectReference, container: string, previous: boolean): Promise<readonly string[]>;
  resources(): Promise<readonly ServedResource[]>;
  /** What could not be looked at, and why. */
  readonly unseen: ReadonlySet<string>;
}
