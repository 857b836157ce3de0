/**
 * What is told when a namespace's enforced policy becomes stricter: which of its pods would not be let in today. They stay; it is a
 * warning. Pods that break the same rules share a line, under the first name:
 *
 * ```
 *  existing pods in namespace "team" violate the new PodSecurity enforce level "restricted:latest"
 *  web-1 (and 2 other pods): allowPrivilegeEscalation != false, runAsNonRoot != true
 * ```
 * Of many pods, one of each controller comes first; looking ends at a number of pods and at a time. Pure but for the clock.
 */
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { Clock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import { type LevelVersion, levelVersionText } from './policy.ts';
import { evaluate, reasonsOf } from './standards.ts';
import { subjectOf } from './subject.ts';

export interface ExistingPods {
  readonly namespace: string;
  readonly enforce: LevelVersion;
  /** Those that are exempt left out. */
  readonly pods: readonly Pod[];
  readonly clock: Clock;
}

export function warningsOfExistingPods({ namespace, enforce, pods, clock }: ExistingPods): string[] {
  const deadlineMs = clock.monotonic() + limits.podSecurityCheckMsMax;
  const byReasons = new Map<string, string[]>();
  let checked = 0;
  for (const pod of prioritized(pods).slice(0, limits.podSecurityPodsMax)) {
    const reasons = reasonsOf(evaluate(enforce, subjectOf(pod.metadata, pod.spec ?? { containers: [] })));
    if (reasons !== '') namesOf(byReasons, reasons).push(pod.metadata?.name ?? '');
    checked++;
    if (clock.monotonic() > deadlineMs) break;
  }
  const partly = `new PodSecurity enforce level only checked against the first ${checked} of ${pods.length} existing pods`;
  const title = `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${levelVersionText(enforce)}"`;
  return [
    ...(checked < pods.length ? [partly] : []),
    ...(byReasons.size > 0 ? [title] : []),
    ...[...byReasons].map(([reasons, names]) => `${sharedName(names)}: ${reasons}`).sort(),
  ];
}

function namesOf(byReasons: Map<string, string[]>, reasons: string): string[] {
  const names = byReasons.get(reasons) ?? [];
  byReasons.set(reasons, names);
  return names;
}

function sharedName(names: readonly string[]): string {
  const first = names.reduce((a, b) => (b < a ? b : a));
  if (names.length === 1) return first;
  return names.length === 2 ? `${first} (and 1 other pod)` : `${first} (and ${names.length - 1} other pods)`;
}

/** Pods of one controller are alike: the first of each, and those without one, before all others. */
function prioritized(pods: readonly Pod[]): readonly Pod[] {
  const controllers = new Set<string>();
  const others: Pod[] = [];
  const first = pods.filter((pod) => {
    const uid = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
    if (uid === undefined) return true;
    if (controllers.has(uid)) return !others.push(pod);
    controllers.add(uid);
    return true;
  });
  return [...first, ...others];
}
