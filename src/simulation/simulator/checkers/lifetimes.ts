/** Numbers that tell of time never go back, and a namespace is there before what stands in it, and after. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, KubeObject } from '../../../api/object.ts';
import type { Deployment, ReplicaSet } from '../../../api/schema/types/apps-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';
import { controllerUid, Followed } from './followed.ts';

const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** Kinds whose generation tells each change of what is wanted. */
const counted: ReadonlySet<string> = new Set([
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'cronjobs.batch',
  'replicationcontrollers',
  'poddisruptionbudgets.policy',
]);

export function generations(): Checker {
  return {
    name: 'generations and revisions rise',
    check: (event) => {
      const old = before(event);
      if (old === undefined || event.type === 'deleted') return undefined;
      const { object, key } = event.entry;
      for (const [what, numberOf] of rising) {
        const [was, now] = [numberOf(old), numberOf(object)];
        if (now < was) return `${named(event)}: ${what} fell from ${was} to ${now}`;
      }
      if (observedOf(object) > generationOf(object)) return `${named(event)} has observed what nobody has written`;
      const isSilent = counted.has(key.collection) && generationOf(object) === generationOf(old);
      return isSilent && !isDeepStrictEqual(specOf(object), specOf(old))
        ? `${named(event)} was changed within one generation`
        : undefined;
    },
  };
}

const generationOf = ({ metadata }: KubeObject): number => metadata?.generation ?? 0;
const statusOf = (object: KubeObject): JsonObject => ((object as JsonObject)['status'] ?? {}) as JsonObject;
const observedOf = (object: KubeObject): number => Number(statusOf(object)['observedGeneration'] ?? 0);
const specOf = (object: KubeObject): unknown => (object as JsonObject)['spec'];

const rising: readonly (readonly [string, (object: KubeObject) => number])[] = [
  ['generation', generationOf],
  ['observedGeneration', observedOf],
  ['the revision', (object) => Number((object as JsonObject)['revision'] ?? 0)],
];

/**
 * A Deployment's revision only begins anew where somebody took the ReplicaSet that carried it. It shows the revision of the ReplicaSet with its own
 * template: where a roll back comes before its loop has seen the newest ReplicaSet, that is the old one for a while. In the end it is the highest
 * (`convergence.ts`).
 */
export function rolloutRevisions(): Checker {
  const deployments = new Followed<Deployment>('deployments.apps');
  const sets = new Followed<ReplicaSet>('replicasets.apps');
  const restarted = new Set<string>();
  return {
    name: 'the revision of a deployment rises',
    check: (event) => {
      const { object } = event.entry;
      const old = before(event);
      if (sets.follow(event)) {
        const owner = old && deployments.get(controllerUid(old));
        const isLost = event.type === 'deleted' || (old !== undefined && controllerUid(old) !== controllerUid(object));
        if (owner !== undefined && isLost && revisionOf(old ?? object) >= revisionOf(owner))
          restarted.add(uidOf(owner));
      }
      if (!deployments.follow(event) || old === undefined || event.type === 'deleted') return undefined;
      const [was, now] = [revisionOf(old), revisionOf(object)];
      if (now >= was || restarted.delete(uidOf(object)) || isShown(object, now)) return undefined;
      return `${named(event)}: the revision fell from ${was} to ${now}`;
    },
  };

  function isShown(deployment: Deployment, revision: number): boolean {
    const wanted = deployment.spec?.template.spec;
    const own = sets.where((set) => controllerUid(set) === uidOf(deployment) && revisionOf(set) === revision);
    return wanted !== undefined && own.some(({ spec }) => isDeepStrictEqual(spec?.template?.spec, wanted));
  }
}

const revisionOf = ({ metadata }: KubeObject): number => Number(metadata?.annotations?.[revisionAnnotation] ?? 0);

export function namespaceLives(): Checker {
  const inhabitants = new Map<string, Set<string>>();
  return {
    name: 'a namespace is there before and after what stands in it',
    check: (event) => {
      const { collection, namespace, name } = event.entry.key;
      if (collection === 'namespaces') return judgeNamespace(event, name);
      if (namespace === '') return undefined;
      const keys = inhabitants.get(namespace);
      if (event.type === 'deleted') keys?.delete(`${collection}/${name}`);
      else if (keys === undefined) return `${named(event)} was made in a namespace that is not there`;
      else keys.add(`${collection}/${name}`);
      return undefined;
    },
  };

  function judgeNamespace(event: StoreEvent, name: string): string | undefined {
    if (event.type !== 'deleted') {
      if (!inhabitants.has(name)) inhabitants.set(name, new Set());
      return undefined;
    }
    const [left] = inhabitants.get(name) ?? [];
    inhabitants.delete(name);
    return left && `${named(event)} is gone, and ${left} stands in it`;
  }
}
