/**
 * Namespaces that are being deleted: deletes all they hold, and lets them go when nothing is left.
 *
 * ```
 *  deletionTimestamp ──▶ delete pods, until none is left ──▶ delete everything else ──▶ nothing left? ──▶ finalize
 *                                      └────────── something left: conditions, look again ──────┘
 *                                                  (a pod that ends wakes the loop at once)
 * ```
 * Pods go first, as upstream's ordered deletion has it: nothing that a pod still needs (its network policies, its secrets) goes before it.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import type { Namespace, Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { RemoteClient, RemoteContents } from '../../client/remote-contents.ts';
import { namespaces, pods, resourceOf } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { storedResources } from '../shared/api-resources.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
} from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { isFinished } from '../shared/pods.ts';
import { againInMs, type Cleaning, isCleaned, namespaceConditions, type Remaining } from './decide.ts';

const finalizer = 'kubernetes';
const account = 'namespace-controller';

export function namespaceController(context: ControllerContext): Service {
  const own = contextFor(context, account);
  const informer = own.informers.informer(namespaces);
  const podInformer = own.informers.informer(pods);
  const loop = new ControlLoop({
    ...own,
    name: 'namespace',
    informers: [informer, podInformer],
    reconcile: async (name) => {
      const namespace = informer.cache.byKey(name);
      return namespace === undefined || !isDeleting(namespace) ? done : end(own, namespace);
    },
  });
  const enqueue = (namespace: Namespace): void => {
    if (isDeleting(namespace)) loop.queue.add(nameOf(namespace));
  };
  informer.addHandler({
    added: enqueue,
    // Not on every change: the loop's own conditions would wake it at once, again and again.
    updated: (namespace, previous) => {
      if (!isDeleting(previous)) enqueue(namespace);
    },
  });
  podInformer.addHandler({
    deleted: (pod) => {
      const namespace = informer.cache.byKey(namespaceOf(pod));
      if (namespace !== undefined) enqueue(namespace);
    },
  });
  return loop;
}

async function end(context: LoopContext, namespace: Namespace): Promise<Outcome> {
  if (!(namespace.spec?.finalizers ?? []).includes(finalizer)) return done;
  const name = nameOf(namespace);
  const cleaning = await clean(context, name);
  const current = await tellConditions(context, namespace, cleaning);
  if (!isCleaned(cleaning)) return after(againInMs(namespace, context.clock.now()));
  const finalizers = (current.spec?.finalizers ?? []).filter((one) => one !== finalizer);
  await context.client.update(
    namespaces,
    { ...current, spec: { ...current.spec, finalizers } },
    { subresource: 'finalize' },
  );
  return done;
}

async function clean(context: LoopContext, namespace: string): Promise<Cleaning> {
  const infos = storedResources(context.resources.all, ['list', 'delete']).filter((info) => info.namespaced);
  const first = await cleanAll(context, namespace, infos.filter(isPods));
  if (!isCleaned(first)) return first;
  const others = infos.filter((info) => !isPods(info));
  const own = await cleanAll(context, namespace, others);
  return context.remoteContents === undefined ? own : joined(own, await cleanRemote(context.remoteContents, namespace));
}

/** What servers that extend the API hold. While one of them cannot be asked, the namespace stays. */
async function cleanRemote(contents: RemoteContents, namespace: string): Promise<Cleaning> {
  const { infos, unknown } = contents.resources();
  const endable = storedResources(infos, ['list', 'delete']).filter((info) => info.namespaced);
  const client = contents.clientFor(`system:serviceaccount:kube-system:${account}`);
  const cleaning = await cleanAll({ client }, namespace, endable);
  return { ...cleaning, unknown };
}

const joined = (one: Cleaning, other: Cleaning): Cleaning => ({
  remaining: [...one.remaining, ...other.remaining],
  errors: [...one.errors, ...other.errors],
  unknown: [...one.unknown, ...other.unknown],
});

interface Clients {
  readonly client: RemoteClient;
}

const isPods = (info: ResourceInfo): boolean => info.group === '' && info.resource === 'pods';

async function cleanAll(context: Clients, namespace: string, infos: readonly ResourceInfo[]): Promise<Cleaning> {
  const remaining: Remaining[] = [];
  const errors: Error[] = [];
  for (const info of infos) {
    try {
      const left = await deleteAll(context, namespace, info);
      if (left.count > 0) remaining.push({ info, ...left });
    } catch (error) {
      // A resource whose definition went away meanwhile has no objects.
      if (!hasReason(error, 'NotFound', 'MethodNotAllowed')) errors.push(error as Error);
    }
  }
  return { remaining, errors, unknown: [] };
}

/** Resolves with what is still there. */
async function deleteAll({ client }: Clients, namespace: string, info: ResourceInfo): Promise<Omit<Remaining, 'info'>> {
  const resource = resourceOf(info);
  const { items } = await client.list(resource, { namespace });
  const graceSeconds = isPods(info) ? longestGrace(items) : 0;
  const untouched = items.filter((item) => !isDeleting(item));
  if (untouched.length === 0) return counted(items, graceSeconds);
  const options = { propagationPolicy: 'Background' } as const;
  if (info.verbs.includes('deletecollection')) await client.deleteCollection(resource, { namespace }, options);
  else for (const item of untouched) await client.delete(resource, { namespace, name: nameOf(item) }, options);
  return counted((await client.list(resource, { namespace })).items, graceSeconds);
}

const counted = (left: readonly KubeObject[], graceSeconds: number): Omit<Remaining, 'info'> => ({
  count: left.length,
  finalizers: countFinalizers(left),
  graceSeconds,
});

/** Of those that have not ended by themselves. */
const longestGrace = (items: readonly Pod[]): number =>
  items.reduce(
    (longest, pod) => Math.max(longest, isFinished(pod) ? 0 : (pod.spec?.terminationGracePeriodSeconds ?? 0)),
    0,
  );

function countFinalizers(objects: readonly KubeObject[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of objects.flatMap((object) => object.metadata?.finalizers ?? [])) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Resolves with the namespace as it stands afterwards. */
async function tellConditions(context: LoopContext, namespace: Namespace, cleaning: Cleaning): Promise<Namespace> {
  const conditions = namespaceConditions(namespace, cleaning, context.clock.now());
  if (semanticallyEqual(conditions, namespace.status?.conditions)) return namespace;
  const status = { ...namespace.status, conditions };
  return context.client.update(namespaces, { ...namespace, status }, { subresource: 'status' });
}
