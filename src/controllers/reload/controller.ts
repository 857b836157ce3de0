/**
 * Rolls workloads that ask for it when the content of a ConfigMap or Secret changes (`wish.ts`: who asks; `decide.ts`: what is done).
 *
 * ```
 *  ConfigMap, Secret changes ──▶ workloads that follow it (index) ──▶ a second's rest ──▶ digests compared ──▶ one write: seen, and the template
 *  workload changes ───────────▶ it, where it asks or asked ────────┘
 * ```
 * Several changes within a second are one rollout. The caches are those that other loops share; a workload that asks for nothing is in no index.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import { ControlLoop, done } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import { configMaps, daemonSets, deployments, secrets, statefulSets } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
  referenceOf,
} from '../shared/context.ts';
import { absent, decideReload, formatSeen, parseSeen, type ReloadPlan } from './decide.ts';
import { contentOf, type Digester, openDigester } from './digest-key.ts';
import {
  type ContentKey,
  type ContentKind,
  contentKey,
  type Followed,
  followedBy,
  isIgnored,
  isMarked,
  problemsOf,
  type Workload,
} from './wish.ts';

/** On the pod template: the digest of all that is followed. */
export const hashAnnotation = 'naru.io/config-hash';
/** On the workload: what was last seen of each. */
export const seenAnnotation = 'naru.io/config-seen';
/** Others may change, or be made, with the first (ms). */
const restMs = 1000;
const byContent = 'reload';
const fieldManager = 'naru-reload';

const kinds: readonly Resource<Workload>[] = [deployments, statefulSets, daemonSets];

interface Caches {
  readonly workloads: readonly Informer<Workload>[];
  readonly configMaps: Informer<ConfigMap>;
  readonly secrets: Informer<Secret>;
}

export function reloadController(context: ControllerContext): Service {
  const own = contextFor(context, 'reload-controller');
  const caches: Caches = {
    workloads: kinds.map((kind) => own.informers.informer(kind).addIndex(byContent, contentsOf)),
    configMaps: own.informers.informer(configMaps),
    secrets: own.informers.informer(secrets),
  };
  const loop = new ControlLoop({
    ...own,
    name: 'reload',
    informers: [...caches.workloads, caches.configMaps, caches.secrets],
    reconcile: async (key) => {
      const [index = '0', ...rest] = key.split('/');
      const resource = kinds[Number(index)];
      const workload = caches.workloads[Number(index)]?.cache.byKey(rest.join('/'));
      if (resource === undefined || workload === undefined || isDeleting(workload)) return done;
      await reconcile(own, caches, resource, workload);
      return done;
    },
  });
  wakeLoop(loop, caches);
  return loop;
}

/** For the index: `configmap/NAMESPACE/NAME` of all that the workload follows. */
function contentsOf(workload: Workload): readonly string[] {
  return followedBy(workload).map(({ key }) => inNamespace(namespaceOf(workload), key));
}

function inNamespace(namespace: string, key: ContentKey): string {
  const slash = key.indexOf('/');
  return `${key.slice(0, slash)}/${namespace}/${key.slice(slash + 1)}`;
}

function wakeLoop({ queue }: ControlLoop, { workloads, configMaps: maps, secrets: keys }: Caches): void {
  const wakeUsers = (kind: ContentKind) => (object: KubeObject) => {
    const value = inNamespace(namespaceOf(object), contentKey(kind, nameOf(object)));
    for (const [index, { cache }] of workloads.entries())
      for (const workload of cache.byIndex(byContent, value)) queue.addAfter(`${index}/${objectKey(workload)}`, restMs);
  };
  for (const [kind, informer] of [
    ['configmap', maps],
    ['secret', keys],
  ] as const) {
    const wake = wakeUsers(kind);
    informer.addHandler({ added: wake, updated: wake, deleted: wake });
  }
  for (const [index, informer] of workloads.entries()) {
    const wake = (workload: Workload): void => {
      const isConcerned =
        seenOn(workload) !== undefined || followedBy(workload).length > 0 || problemsOf(workload).length > 0;
      if (isConcerned) queue.addAfter(`${index}/${objectKey(workload)}`, restMs);
    };
    const changed = (workload: Workload, before: Workload): void => {
      // A status that changes says nothing here.
      if (workload.metadata?.annotations !== before.metadata?.annotations || workload.spec !== before.spec)
        wake(workload);
    };
    informer.addHandler({ added: wake, updated: changed });
  }
}

const seenOn = ({ metadata }: Workload): string | undefined => metadata?.annotations?.[seenAnnotation];

async function reconcile(
  own: LoopContext,
  caches: Caches,
  resource: Resource<Workload>,
  workload: Workload,
): Promise<void> {
  for (const problem of problemsOf(workload))
    own.events.record(resource, workload, 'Warning', 'ReloadIgnored', problem);
  const wanted = followedBy(workload);
  const seen = parseSeen(seenOn(workload));
  if (wanted.length === 0 && seen === undefined) return;
  const digester = await openDigester(own.client, caches.secrets);
  const find = (key: ContentKey) => contentNamed(caches, namespaceOf(workload), key);
  const plan = decideReload({
    followed: wanted.filter((one) => counts(one, find(one.key))),
    seen,
    keyId: digester.keyId,
    digestOf: (key) => {
      const found = find(key);
      return found === undefined ? absent : digester.digest(inNamespace(namespaceOf(workload), key), contentOf(found));
    },
  });
  await carryOut(own, resource, workload, plan, digester);
}

/** What is marked is found out only by looking at it; one that is away is followed until it comes. */
function counts({ onlyMarked }: Followed, found: ConfigMap | Secret | undefined): boolean {
  if (found === undefined) return !onlyMarked;
  return !isIgnored(found) && (!onlyMarked || isMarked(found));
}

function contentNamed(caches: Caches, namespace: string, key: ContentKey): ConfigMap | Secret | undefined {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  const { cache } = key.slice(0, slash) === 'configmap' ? caches.configMaps : caches.secrets;
  return cache.get({ namespace, name });
}

async function carryOut(
  { client, events, log }: LoopContext,
  resource: Resource<Workload>,
  workload: Workload,
  plan: ReloadPlan,
  digester: Digester,
): Promise<void> {
  if (plan.kind === 'leave') return;
  const annotations = { [seenAnnotation]: plan.seen === undefined ? null : formatSeen(plan.seen) };
  const metadata = { resourceVersion: workload.metadata?.resourceVersion, annotations };
  const template =
    plan.kind === 'roll'
      ? { metadata: { annotations: { [hashAnnotation]: digester.digest('template', plan.seen.digests) } } }
      : undefined;
  const body = { metadata, ...(template && { spec: { template } }) };
  await client.patch(resource, referenceOf(workload), { type: 'merge', body }, { fieldManager });
  if (plan.kind !== 'roll') return;
  const names = plan.changed.join(', ');
  events.record(resource, workload, 'Normal', 'Reloading', `${names} changed: the pods are replaced one after another`);
  log.info('workload rolled for what it reads', { workload: objectKey(workload), changed: plan.changed });
}
