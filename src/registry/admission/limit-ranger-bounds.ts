/** The bounds of one LimitRange, held against one object: which are broken, in upstream's words, each once. Pure. */
import type { KubeObject } from '../../api/object.ts';
import { compareQuantities, formatQuantity, type Quantity } from '../../api/quantity.ts';
import { type Amounts, amountsOf, namesOf } from '../../api/quota/amounts.ts';
import { podSpecAmounts } from '../../api/quota/pod-amounts.ts';
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../api/schema/types/core-v1.ts';

interface Asked {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

export function brokenBounds({ spec }: LimitRange, collection: string, object: KubeObject): string[] {
  const broken = (spec?.limits ?? []).flatMap((item) =>
    collection === 'pods' ? brokenByPod(item, object) : brokenByClaim(item, object as PersistentVolumeClaim),
  );
  return [...new Set(broken)];
}

function brokenByPod(item: LimitRangeItem, pod: Pod): string[] {
  if (item.type === 'Pod') {
    return brokenBy(item, { requests: podSpecAmounts(pod, 'requests'), limits: podSpecAmounts(pod, 'limits') });
  }
  if (item.type !== 'Container') return [];
  const containers: readonly Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.flatMap(({ resources }) =>
    brokenBy(item, { requests: amountsOf(resources?.requests), limits: amountsOf(resources?.limits) }),
  );
}

function brokenBy(item: LimitRangeItem, asked: Asked): string[] {
  const { type } = item;
  return [
    ...each(item.min, (name, bound) => belowMin(type, name, bound, asked)),
    ...each(item.max, (name, bound) => aboveMax(type, name, bound, asked)),
    ...each(item.maxLimitRequestRatio, (name, bound) => aboveRatio(type, name, bound, asked)),
  ];
}

/** A claim has requests only. */
function brokenByClaim(item: LimitRangeItem, { spec }: PersistentVolumeClaim): string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const requests = amountsOf(spec?.resources?.requests);
  return [
    ...each(item.min, (name, bound) => belowMin(item.type, name, bound, { requests, limits: new Map() })),
    ...each(item.max, (name, bound) => aboveMax(item.type, name, bound, { requests, limits: requests }, 'request')),
  ];
}

function each(bounds: LimitRangeItem['min'], broken: (name: string, bound: Quantity) => string | undefined): string[] {
  const amounts = amountsOf(bounds);
  return namesOf(amounts).flatMap((name) => broken(name, amounts.get(name) as Quantity) ?? []);
}

function belowMin(type: string, name: string, min: Quantity, { requests, limits }: Asked): string | undefined {
  const rule = `minimum ${name} usage per ${type} is ${formatQuantity(min)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (request === undefined) return `${rule}.  No request is specified`;
  if (compareQuantities(request, min) < 0) return `${rule}, but request is ${formatQuantity(request)}`;
  if (limit === undefined || compareQuantities(limit, min) >= 0) return undefined;
  return `${rule}, but limit is ${formatQuantity(limit)}`;
}

/** `must`: which of the two has to be there. */
function aboveMax(
  type: string,
  name: string,
  max: Quantity,
  { requests, limits }: Asked,
  must: 'limit' | 'request' = 'limit',
): string | undefined {
  const rule = `maximum ${name} usage per ${type} is ${formatQuantity(max)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (limit === undefined) return `${rule}.  No ${must} is specified`;
  if (compareQuantities(limit, max) > 0) return `${rule}, but ${must} is ${formatQuantity(limit)}`;
  if (request === undefined || compareQuantities(request, max) <= 0) return undefined;
  return `${rule}, but request is ${formatQuantity(request)}`;
}

function aboveRatio(type: string, name: string, ratio: Quantity, { requests, limits }: Asked): string | undefined {
  const rule = `${name} max limit to request ratio per ${type} is ${formatQuantity(ratio)}`;
  const request = requests.get(name)?.nano ?? 0n;
  const limit = limits.get(name)?.nano ?? 0n;
  if (request === 0n) return `${rule}, but no request is specified or request is 0`;
  if (limit === 0n) return `${rule}, but no limit is specified or limit is 0`;
  if (limit * nanoPerUnit <= request * ratio.nano) return undefined;
  return `${rule}, but provided ratio is ${(Number(limit) / Number(request)).toFixed(6)}`;
}

const nanoPerUnit = 1_000_000_000n;
