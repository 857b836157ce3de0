/** A `Look` over the API of a cluster. Each list and each object is asked for once; what was listed is not asked for again. */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import type { Look, ServedResource } from './look.ts';

export interface ClusterLookOptions {
  readonly client: Pick<Client, 'get' | 'list'>;
  readonly nowMs: number;
  readonly resources: () => Promise<readonly ServedResource[]>;
  /** The text of `GET path`. */
  readonly read: (path: string) => Promise<string>;
}

/** The last lines of a log: more than are shown, so that empty ones can be left out. */
const logLines = 20;

export class ClusterLook implements Look {
  readonly nowMs: number;
  readonly unseen = new Set<string>();
  readonly #options: ClusterLookOptions;
  readonly #lists = new Map<string, Promise<readonly KubeObject[]>>();
  readonly #objects = new Map<string, Promise<KubeObject | undefined>>();

  constructor(options: ClusterLookOptions) {
    this.#options = options;
    this.nowMs = options.nowMs;
  }

  resources(): Promise<readonly ServedResource[]> {
    return this.#options.resources();
  }

  async get<T extends KubeObject>(resource: Resource<T>, reference: ObjectReference): Promise<T | undefined> {
    const { namespace, name } = reference;
    const listed = this.#lists.get(keyOf(resource, namespace)) ?? this.#lists.get(keyOf(resource));
    if (listed !== undefined) {
      const items = (await listed) as readonly T[];
      return items.find(({ metadata }) => metadata?.name === name && (metadata.namespace ?? '') === namespace);
    }
    const key = `${keyOf(resource, namespace)}|${name}`;
    let found = this.#objects.get(key);
    if (found === undefined) this.#objects.set(key, (found = this.#get(resource, reference)));
    return found as Promise<T | undefined>;
  }

  async list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<readonly T[]> {
    const everywhere = this.#lists.get(keyOf(resource));
    if (everywhere !== undefined && namespace !== undefined) {
      return ((await everywhere) as readonly T[]).filter(({ metadata }) => metadata?.namespace === namespace);
    }
    const key = keyOf(resource, namespace);
    let found = this.#lists.get(key);
    if (found === undefined) this.#lists.set(key, (found = this.#list(resource, namespace)));
    return found as Promise<readonly T[]>;
  }

  /** The log of a container that is gone, or of a node that does not answer, is no evidence that one can wait for. */
  async logs({ namespace, name }: ObjectReference, container: string, previous: boolean): Promise<readonly string[]> {
    const query = new URLSearchParams({
      container,
      tailLines: String(logLines),
      limitBytes: '65536',
      ...(previous && { previous: 'true' }),
    });
    try {
      const text = await this.#options.read(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query.toString()}`);
      return text.split('\n').filter((line) => line.trim() !== '');
    } catch {
      return [];
    }
  }

  async #get<T extends KubeObject>(resource: Resource<T>, reference: ObjectReference): Promise<KubeObject | undefined> {
    try {
      const object = await this.#options.client.get(resource, reference);
      return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
    } catch (error) {
      this.#missed(resource, error);
      return undefined;
    }
  }

  async #list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<readonly KubeObject[]> {
    try {
      const { items } = await this.#options.client.list(resource, namespace === undefined ? {} : { namespace });
      return items.map((item) =>
        item.kind === undefined ? { ...item, apiVersion: apiVersionOf(resource), kind: resource.kind } : item,
      );
    } catch (error) {
      this.#missed(resource, error);
      return [];
    }
  }

  /** An API that is not served, or that we may not see, is no failure of the command; that nobody answers is. */
  #missed({ resource }: Resource<KubeObject>, error: unknown): void {
    if (hasReason(error, 'NotFound')) return;
    const tolerable =
      hasReason(error, 'Forbidden') || hasReason(error, 'MethodNotAllowed') || hasReason(error, 'NotAcceptable');
    const ofServer = hasReason(error, 'ServiceUnavailable') && error.cause === undefined;
    if (!tolerable && !ofServer) throw error;
    this.unseen.add(resource);
  }
}

const apiVersionOf = ({ group, version }: Resource<KubeObject>): string =>
  group === '' ? version : `${group}/${version}`;

const keyOf = ({ group, resource }: Resource<KubeObject>, namespace?: string): string =>
  `${group}/${resource}|${namespace ?? '*'}`;
