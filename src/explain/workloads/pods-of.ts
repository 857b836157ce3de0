/** The pods behind a workload, and what of their trouble is the workload's. */
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { pods } from '../../client/resources.ts';
import { type Finding, isProblem } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { timeOf } from '../words.ts';
import { refusal } from './refused.ts';

export const isControlledBy = (object: KubeObject, owner: KubeObject): boolean =>
  object.metadata?.ownerReferences?.some(
    ({ uid, kind, name, controller }) =>
      controller !== false &&
      (owner.metadata?.uid === undefined
        ? kind === owner.kind && name === owner.metadata?.name
        : uid === owner.metadata.uid),
  ) ?? false;

export async function podsOf(owner: KubeObject, { look }: Inquiry): Promise<readonly Pod[]> {
  const all = await look.list(pods, owner.metadata?.namespace ?? '');
  return all.filter((pod) => isControlledBy(pod, owner));
}

/** Of a thousand pods with one trouble, these many are looked at. */
const podsMax = 20;

export async function podCauses(all: readonly Pod[], inquiry: Inquiry): Promise<readonly Finding[]> {
  const findings = await inquiry.intoAll(all.slice(0, podsMax));
  return findings.filter(isProblem);
}

/** Refusals stay in the events for an hour; one that is older than the last success is over. */
export async function creationRefused(owner: KubeObject, inquiry: Inquiry): Promise<readonly Finding[]> {
  const events = await inquiry.events(owner);
  const at = (reason: string): number => {
    const found = events.find((event) => event.reason === reason);
    return timeOf(found?.series?.lastObservedTime ?? found?.lastTimestamp ?? found?.eventTime) ?? -1;
  };
  const failed = events.find(({ reason }) => reason === 'FailedCreate');
  if (failed === undefined || at('FailedCreate') < at('SuccessfulCreate')) return [];
  return [await refusal(owner, failed.message ?? '', [eventLine(failed, inquiry.nowMs)], inquiry)];
}
