/**
 * When a pod must go because of taints of its devices (KEP-5055). Pure.
 *
 * ```
 *  pod ─ its claims ─ devices that they got ─┬─ NoExecute taints in the pool's newest slices
 *                                            └─ DeviceTaintRules with NoExecute that select the device
 * ```
 * Each taint that the claim does not tolerate ends the pod at the taint's time, one that it tolerates for a while so much later; the earliest
 * counts. A claim counts only for pods that it is reserved for.
 */
import { toleratesDeviceTaint } from '../../api/device-taints.ts';
import { claimNameOf, isGenerated, isOwnedBy, isReservedFor } from '../../api/pod-resource-claims.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type {
  DeviceRequestAllocationResult,
  DeviceTaint,
  ResourceClaim,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import { namespaceOf, timeMs, uidOf } from '../shared/context.ts';

export interface DevicesView {
  /** By namespace and name. */
  readonly claim: (key: string) => ResourceClaim | undefined;
  /** All that are there of a pool, by its key. */
  readonly slices: (pool: string) => readonly ResourceSlice[];
  readonly rules: readonly DeviceTaintRule[];
}

export interface Eviction {
  readonly atMs: number;
  /** Those that have a part in it. */
  readonly rules: readonly DeviceTaintRule[];
}

type DeviceName = Pick<DeviceRequestAllocationResult, 'driver' | 'pool' | 'device'>;

export const poolKey = ({ driver, pool }: Omit<DeviceName, 'device'>): string => `${driver}/${pool}`;
export const poolOf = ({ spec }: ResourceSlice): string => poolKey({ driver: spec.driver, pool: spec.pool.name });

export const devicesOf = ({ status }: ResourceClaim): readonly DeviceRequestAllocationResult[] =>
  status?.allocation?.devices?.results ?? [];

/** A rule without a selector selects nothing, one with an empty selector everything. */
export function selects({ spec }: DeviceTaintRule, { driver, pool, device }: DeviceName): boolean {
  const selector = spec.deviceSelector;
  if (selector === undefined) return false;
  const matches = (wanted: string | undefined, name: string): boolean => wanted === undefined || wanted === name;
  return matches(selector.driver, driver) && matches(selector.pool, pool) && matches(selector.device, device);
}

/** Of a pool only the slices of its newest generation count. */
export function newestOf(slices: readonly ResourceSlice[]): readonly ResourceSlice[] {
  const newest = Math.max(...slices.map(({ spec }) => spec.pool.generation));
  return slices.filter(({ spec }) => spec.pool.generation === newest);
}

interface Cause {
  readonly taint: DeviceTaint;
  readonly rule?: DeviceTaintRule;
}

function causesOf(device: DeviceRequestAllocationResult, view: DevicesView): readonly Cause[] {
  const published = newestOf(view.slices(poolKey(device))).flatMap(({ spec }) => spec.devices ?? []);
  const taints = published.find(({ name }) => name === device.device)?.taints ?? [];
  const ruled = view.rules.filter((rule) => selects(rule, device));
  const causes: readonly Cause[] = [
    ...taints.map((taint) => ({ taint })),
    ...ruled.map((rule) => ({ taint: rule.spec.taint, rule })),
  ];
  return causes.filter(({ taint }) => taint.effect === 'NoExecute');
}

/** Undefined: it is tolerated for ever, or nobody knows since when it is there. */
function endMs({ taint }: Cause, { tolerations = [] }: DeviceRequestAllocationResult): number | undefined {
  if (taint.timeAdded === undefined) return undefined;
  const matching = tolerations.filter((toleration) => toleratesDeviceTaint(toleration, taint));
  if (matching.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return undefined;
  const seconds = matching.map(({ tolerationSeconds }) => Math.max(0, Number(tolerationSeconds)));
  return timeMs(taint.timeAdded) + (seconds.length === 0 ? 0 : Math.min(...seconds)) * 1000;
}

/** Undefined: it may stay. */
export function evictionOf(pod: Pod, view: DevicesView): Eviction | undefined {
  if (!pod.spec?.nodeName) return undefined;
  const ends = claimsInUse(pod, view).flatMap((claim) =>
    devicesOf(claim).flatMap((device) =>
      causesOf(device, view).flatMap((cause) => {
        const atMs = endMs(cause, device);
        return atMs === undefined ? [] : [{ atMs, rule: cause.rule }];
      }),
    ),
  );
  if (ends.length === 0) return undefined;
  const rules = new Map(ends.flatMap(({ rule }) => (rule === undefined ? [] : [[uidOf(rule), rule] as const])));
  return { atMs: Math.min(...ends.map(({ atMs }) => atMs)), rules: [...rules.values()] };
}

function claimsInUse(pod: Pod, view: DevicesView): readonly ResourceClaim[] {
  const named = (pod.spec?.resourceClaims ?? []).flatMap((entry) => {
    const claim = view.claim(`${namespaceOf(pod)}/${claimNameOf(pod, entry) ?? ''}`);
    return claim === undefined || (isGenerated(entry) && !isOwnedBy(claim, pod)) ? [] : [claim];
  });
  const special = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  const extended = special === undefined ? undefined : view.claim(`${namespaceOf(pod)}/${special}`);
  const all = extended === undefined || !isOwnedBy(extended, pod) ? named : [...named, extended];
  return all.filter((claim) => isReservedFor(claim, pod));
}
