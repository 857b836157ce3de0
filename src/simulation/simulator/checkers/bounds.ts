/** What bounds others holds at every moment: disruption budgets, quotas, addresses and ports that one alone may have, pods that keep apart. */
import type { KubeObject } from '../../../api/object.ts';
import type { Pod, ResourceQuota, Service } from '../../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../../api/schema/types/policy-v1.ts';
import { labelMatcher } from '../../../api/selector.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';
import { Followed, isDeleting } from './followed.ts';

/** A pod that an eviction was granted for stays in the books until it goes. Exact but for the two minutes after which it may be forgotten. */
export function budgetBooks(nowMs: () => number, forgottenMs = 60_000): Checker {
  const pods = new Followed<Pod>('pods');
  return {
    name: 'a disruption budget keeps its books',
    check: (event) => {
      if (pods.follow(event) || event.entry.key.collection !== 'poddisruptionbudgets.policy') return undefined;
      const { status = {} } = event.entry.object as PodDisruptionBudget;
      const was = before<PodDisruptionBudget>(event)?.status ?? {};
      const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0, disruptedPods = {} } = status;
      const granted = Object.keys(disruptedPods).filter((name) => was.disruptedPods?.[name] === undefined);
      if (disruptionsAllowed < 0) return `${named(event)} allows ${disruptionsAllowed} disruptions`;
      if (granted.length > (was.disruptionsAllowed ?? 0))
        return `${named(event)} let ${granted.join()} go, and allowed ${was.disruptionsAllowed ?? 0}`;
      if (disruptionsAllowed > Math.max(0, currentHealthy - desiredHealthy))
        return `${named(event)} allows ${disruptionsAllowed} disruptions with ${currentHealthy} healthy pods, and wants ${desiredHealthy}`;
      return judgeForgotten(event, Object.entries(was.disruptedPods ?? {}), disruptedPods);
    },
  };

  function judgeForgotten(
    event: StoreEvent,
    earlier: readonly (readonly [string, string])[],
    disruptedPods: Readonly<Record<string, string>>,
  ): string | undefined {
    for (const [name, since] of earlier) {
      const pod = pods.named(event.entry.key.namespace, name);
      const isThere =
        pod !== undefined && !isDeleting(pod) && Date.parse(pod.metadata?.creationTimestamp ?? '') < Date.parse(since);
      if (disruptedPods[name] === undefined && isThere && nowMs() - Date.parse(since) < forgottenMs)
        return `${named(event)} forgot that ${name} may go at any moment`;
    }
    return undefined;
  }
}

/** What a quota counts never passes its limit by something new, be it in its books or in what there is. */
/**
 * What stood before a quota's first count, and was not counted since the loop's cache lagged, comes on top: upstream's loop counts from its caches,
 * too, and admission goes by what it counted.
 */
export function quotaLimits(): Checker {
  const uncounted = new Map<string, number>();
  /** A quota may begin with more than it allows: then nothing is let in, and nothing has to go. */
  const found = new Map<string, number>();
  const quotas = new Followed<ResourceQuota>('resourcequotas');
  const counted = new Map(['pods', 'configmaps', 'services'].map((name) => [name, new Followed(name)]));
  return {
    name: 'a quota is never passed',
    check: (event) => {
      if (quotas.follow(event)) {
        remember(event);
        return judgeBooks(event);
      }
      const { collection, namespace } = event.entry.key;
      const objects = counted.get(collection);
      objects?.follow(event);
      if (objects === undefined || event.type !== 'added') return undefined;
      const count = countIn(namespace, collection);
      const passed = quotas.where(({ metadata, status }) => {
        const most = amount(status?.hard, collection) + (uncounted.get(`${metadata?.uid} ${collection}`) ?? 0);
        return metadata?.namespace === namespace && count > most;
      })[0];
      return passed && `${named(event)} is number ${count}, and the quota is ${passed.status?.hard?.[collection]}`;
    },
  };

  function countIn(namespace: string, collection: string): number {
    const objects = counted.get(collection)?.where((one) => one.metadata?.namespace === namespace) ?? [];
    return objects.filter((one) => counts(collection, one)).length;
  }

  function judgeBooks(event: StoreEvent): string | undefined {
    const { status } = event.entry.object as ResourceQuota;
    const was = before<ResourceQuota>(event)?.status;
    for (const [name, used] of Object.entries(status?.used ?? {})) {
      const isNew = was?.used?.[name] !== undefined && Number(used) > Number(was.used[name]);
      const key = `${uidOf(event.entry.object)} ${name}`;
      const most = Math.max(amount(status?.hard, name), found.get(key) ?? 0) + (uncounted.get(key) ?? 0);
      if (isNew && Number(used) > most)
        return `${named(event)} counts ${used} ${name}, and has ${status?.hard?.[name]}`;
    }
    return undefined;
  }

  function remember(event: StoreEvent): void {
    const { status } = event.entry.object as ResourceQuota;
    for (const collection of counted.keys()) {
      const used = status?.used?.[collection];
      if (used === undefined || before<ResourceQuota>(event)?.status?.used?.[collection] !== undefined) continue;
      const missed = countIn(event.entry.key.namespace, collection) - Number(used);
      const key = `${uidOf(event.entry.object)} ${collection}`;
      uncounted.set(key, Math.max(0, missed));
      found.set(key, Number(used));
    }
  }
}

/** A pod whose time is up counts no more, though its node has not let it go yet: those that are being deleted are left out. */
const counts = (collection: string, object: KubeObject): boolean =>
  collection !== 'pods' || !(isOver(object) || isDeleting(object));

const amount = (hard: Readonly<Record<string, unknown>> | undefined, name: string): number =>
  Number(hard?.[name] ?? Number.POSITIVE_INFINITY);
const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** An address or a port of the cluster is one Service's. */
export function serviceAddresses(): Checker {
  const services = new Followed<Service>('services');
  return {
    name: 'a service address is one service’s',
    check: (event) => {
      if (!services.follow(event) || event.type === 'deleted') return undefined;
      const service = event.entry.object as Service;
      const was = before<Service>(event)?.spec?.clusterIP;
      const { clusterIP } = service.spec ?? {};
      if (was && clusterIP !== was) return `${named(event)} went from address ${was} to ${clusterIP}`;
      const own = new Set(claimsOf(service));
      const other = services.where((one) => one !== service && claimsOf(one).some((claim) => own.has(claim)))[0];
      return other && `${named(event)} shares an address or a node port with ${other.metadata?.name}`;
    },
  };
}

const claimsOf = ({ spec }: Service): readonly string[] => [
  ...(spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None'),
  ...(spec?.ports ?? []).flatMap(({ nodePort, protocol = 'TCP' }) => (nodePort ? [`${protocol} ${nodePort}`] : [])),
];

/** At each binding: nobody on the node has the same host port, and nobody there is whom the pod, or who the pod, must not stand beside. */
export function keptApart(): Checker {
  const pods = new Followed<Pod>('pods');
  return {
    name: 'pods that keep apart stand apart',
    check: (event) => {
      if (!pods.follow(event) || event.type === 'deleted') return undefined;
      const pod = event.entry.object as Pod;
      const node = pod.spec?.nodeName;
      if (!node || before<Pod>(event)?.spec?.nodeName) return undefined;
      const others = pods.where((other) => other !== pod && other.spec?.nodeName === node && !isOver(other));
      const ports = new Set(hostPortsOf(pod));
      const same = others.find((other) => hostPortsOf(other).some((port) => ports.has(port)));
      if (same !== undefined) return `${named(event)} has a host port on ${node} that ${uidOf(same)} has`;
      const near = others.find((other) => avoids(pod, other) || avoids(other, pod));
      return near && `${named(event)} stands on ${node} beside ${uidOf(near)}, and must not`;
    },
  };
}

const hostPortsOf = ({ spec }: Pod): readonly string[] =>
  (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol = 'TCP' }) => (hostPort ? [`${protocol} ${hostPort}`] : [])),
  );

/** In their own namespaces, and with the node as the place: the workload has no other terms. */
function avoids(pod: Pod, other: Pod): boolean {
  const terms = pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some(
    ({ labelSelector }) =>
      labelSelector !== undefined &&
      pod.metadata?.namespace === other.metadata?.namespace &&
      labelMatcher(labelSelector).matches(other.metadata?.labels ?? {}),
  );
}
