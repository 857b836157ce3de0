/** What is read back from the node's disk, checked as far as the rest relies on it. */
import type { ClaimInfo } from './claimed-devices.ts';
import type { DeviceState } from './device-manager.ts';

/** @throws Error that says what is wrong */
export function parseDevices(content: unknown): DeviceState {
  const { resources, pods } = (content ?? {}) as Partial<DeviceState>;
  if (!Array.isArray(resources) || !isRecord(pods)) throw new Error('it has no resources or no pods');
  for (const [uid, containers] of Object.entries(pods)) {
    const given = isRecord(containers) ? Object.values(containers).flatMap((each) => Object.values(each ?? {})) : [{}];
    if (given.some((each) => !Array.isArray((each as { ids?: unknown }).ids))) {
      throw new Error(`the entry of pod ${uid} has no devices`);
    }
  }
  return { resources, pods };
}

/** @throws Error that says what is wrong */
export function parseClaims(content: unknown): readonly ClaimInfo[] {
  if (!Array.isArray(content)) throw new Error('it is no list of claims');
  for (const claim of content as readonly Partial<ClaimInfo>[]) {
    if (!claim.name || !claim.uid || !Array.isArray(claim.pods) || !isRecord(claim.devices)) {
      throw new Error(`the entry of claim ${claim.namespace}/${claim.name} is incomplete`);
    }
  }
  return content as readonly ClaimInfo[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
