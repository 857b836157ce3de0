/** What a quota's status should say, from its spec and from what was counted. Pure. */
import type { KubeObject } from '../../api/object.ts';
import { type Amounts, amountsOf, listOf, only, plus, sameAmounts } from '../../api/quota/amounts.ts';
import { evaluatorFor } from '../../api/quota/evaluator.ts';
import { usageOf } from '../../api/quota/usage.ts';
import { groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { ResourceQuota, ResourceQuotaStatus } from '../../api/schema/types/core-v1.ts';

/** Those of `served` that the quota bounds in some way. */
export function boundedResources({ spec }: ResourceQuota, served: readonly ResourceInfo[]): readonly ResourceInfo[] {
  const names = Object.keys(spec?.hard ?? {});
  return served.filter((info) => {
    const evaluator = info.namespaced ? evaluatorFor(groupResource(info)) : undefined;
    return evaluator !== undefined && names.some((name) => evaluator.measures(name));
  });
}

/** Is there a kind that it counts by name, and that nobody serves? A definition of it may come. */
export function countsUnserved({ spec }: ResourceQuota, bounded: readonly ResourceInfo[]): boolean {
  const counted = new Set(bounded.map((info) => `count/${groupResource(info)}`));
  return Object.keys(spec?.hard ?? {}).some((name) => name.startsWith('count/') && !counted.has(name));
}

/** Undefined where the status says so already. What nobody could count, because nobody serves it, stays as it was. */
export function decideStatus(
  quota: ResourceQuota,
  counted: ReadonlyMap<ResourceInfo, readonly KubeObject[]>,
  nowMs: number,
): ResourceQuotaStatus | undefined {
  const { spec, status } = quota;
  const hard = amountsOf(spec?.hard);
  const before = amountsOf(status?.used);
  let usage: Amounts = new Map();
  for (const [info, objects] of counted) {
    const evaluator = evaluatorFor(groupResource(info));
    if (evaluator !== undefined) usage = plus(usage, usageOf(evaluator, spec ?? {}, objects, nowMs));
  }
  const used = only(new Map([...before, ...usage]), (name) => hard.has(name));
  if (!isNewBound(quota) && sameAmounts(used, before)) return undefined;
  return { hard: { ...spec?.hard }, used: listOf(used) };
}

/** The spec bounds something that the status does not say yet. Until it does, admission lets everything pass that it bounds. */
export function isNewBound({ spec, status }: ResourceQuota): boolean {
  return !sameAmounts(amountsOf(spec?.hard), amountsOf(status?.hard));
}

/** Of two versions of a quota, do both bound the same? */
export function sameBounds(left: ResourceQuota, right: ResourceQuota): boolean {
  return sameAmounts(amountsOf(left.spec?.hard), amountsOf(right.spec?.hard));
}
