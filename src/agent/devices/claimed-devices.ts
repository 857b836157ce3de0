/**
 * What drivers prepared for claims on this node, and for which pods: asked of the drivers once a claim, given back when the last pod that
 * uses it has ended. Upstream's words.
 *
 * ```
 *   prepare ──▶ noted on disk with the pod ──▶ NodePrepareResources ──▶ devices noted on disk
 *   unprepare ──▶ the last pod? ──▶ NodeUnprepareResources ──▶ forgotten
 * ```
 * Kept true: a driver that may have prepared something is told when it is over, also after a restart of the agent in between; of one claim
 * only one thing is done at a time. Both directions are safe to repeat, and are repeated until they succeed.
 */

import { claimNameOf } from '../../api/pod-resource-claims.ts';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { ConfigError } from '../pod/config-error.ts';
import type { StateStore } from '../state-file.ts';
import type { DraDrivers, PreparedDevice } from './dra-drivers.ts';

/** Of one claim. */
export interface ClaimInfo {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pods: readonly string[];
  readonly isPrepared: boolean;
  /** By driver. */
  readonly devices: Readonly<Record<string, readonly PreparedDevice[]>>;
}

export class ClaimedDevices {
  readonly #drivers: DraDrivers;
  readonly #store: StateStore<readonly ClaimInfo[]>;
  /** By namespace and name. */
  readonly #claims = new Map<string, ClaimInfo>();
  /** Claims that something is done with. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(drivers: DraDrivers, store: StateStore<readonly ClaimInfo[]>) {
    this.#drivers = drivers;
    this.#store = store;
  }

  /** Call it before pods come. */
  async load(): Promise<void> {
    for (const claim of (await this.#store.load()) ?? []) this.#claims.set(keyOf(claim.namespace, claim.name), claim);
  }

  get(namespace: string, name: string): ClaimInfo | undefined {
    return this.#claims.get(keyOf(namespace, name));
  }

  /** Of all pods that something was prepared for. */
  get uids(): readonly string[] {
    return [...new Set([...this.#claims.values()].flatMap(({ pods }) => pods))];
  }

  settled(): Promise<void> {
    return this.#store.settled();
  }

  /** @param claims each with its devices handed out, and their drivers registered. @throws Error that says what a driver said */
  async prepare(uid: string, claims: readonly ResourceClaim[]): Promise<void> {
    const keys = claims.map(({ metadata }) => keyOf(metadata?.namespace ?? '', metadata?.name ?? ''));
    await this.#alone(keys, async () => {
      let isNoted = true;
      for (const claim of claims) isNoted = this.#refer(uid, claim) && isNoted;
      if (!isNoted) await this.#save();
      const open = claims.filter((claim) => !this.#info(claim).isPrepared);
      if (open.length === 0) return;
      for (const [driver, wanted] of byDriver(open.map((claim) => this.#info(claim)))) {
        const answers = await this.#drivers.prepare(driver, wanted);
        for (const [index, devices] of answers.entries()) this.#note(wanted[index] as ClaimInfo, driver, devices);
      }
      for (const claim of open) this.#set({ ...this.#info(claim), isPrepared: true });
      await this.#save();
    });
  }

  /** Nothing of the pod runs any more. @throws Error that says what a driver said */
  async unprepare(uid: string): Promise<void> {
    const held = [...this.#claims].filter(([, { pods }]) => pods.includes(uid));
    if (held.length === 0) return;
    await this.#alone(
      held.map(([key]) => key),
      async () => {
        const mine = held.flatMap(([key]) => this.#claims.get(key) ?? []).filter(({ pods }) => pods.includes(uid));
        const last = mine.filter(({ pods }) => pods.length === 1);
        for (const [driver, claims] of byDriver(last)) await this.#drivers.unprepare(driver, claims);
        for (const claim of mine) {
          const pods = this.get(claim.namespace, claim.name)?.pods.filter((pod) => pod !== uid) ?? [];
          if (pods.length === 0) this.#claims.delete(keyOf(claim.namespace, claim.name));
          else this.#set({ ...claim, pods });
        }
        await this.#save();
      },
    );
  }

  /** The pod uses the claim now. Whether that is known already. */
  #refer(uid: string, { metadata, status }: ResourceClaim): boolean {
    const { namespace = '', name = '', uid: claimUid = '' } = metadata ?? {};
    const known = this.get(namespace, name);
    if (known !== undefined && known.uid !== claimUid) {
      throw new Error(
        `old ResourceClaim with same name ${name} and different UID ${known.uid} still exists (previous pod force-deleted?!)`,
      );
    }
    const drivers = [...new Set(status?.allocation?.devices?.results?.map(({ driver }) => driver))];
    const devices = Object.fromEntries(drivers.map((driver) => [driver, []]));
    const info = known ?? { namespace, name, uid: claimUid, pods: [], isPrepared: false, devices };
    if (info.pods.includes(uid)) return true;
    this.#set({ ...info, pods: [...info.pods, uid] });
    return false;
  }

  #info({ metadata }: ResourceClaim): ClaimInfo {
    return this.get(metadata?.namespace ?? '', metadata?.name ?? '') as ClaimInfo;
  }

  #note(claim: ClaimInfo, driver: string, devices: readonly PreparedDevice[]): void {
    const known = this.get(claim.namespace, claim.name) ?? claim;
    this.#set({ ...known, devices: { ...known.devices, [driver]: devices } });
  }

  #set(claim: ClaimInfo): void {
    this.#claims.set(keyOf(claim.namespace, claim.name), claim);
  }

  #save(): Promise<void> {
    return this.#store.save(() => [...this.#claims.values()]);
  }

  /** Waits until nothing is done with any of the claims, and lets nobody else in until `act` has ended. */
  async #alone(keys: readonly string[], act: () => Promise<void>): Promise<void> {
    for (;;) {
      const others = keys.flatMap((key) => this.#busy.get(key) ?? []);
      if (others.length === 0) break;
      await Promise.allSettled(others);
    }
    const acting = act().finally(() => {
      for (const key of keys) this.#busy.delete(key);
    });
    for (const key of keys) this.#busy.set(key, acting);
    await acting;
  }
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

function byDriver(claims: readonly ClaimInfo[]): ReadonlyMap<string, readonly ClaimInfo[]> {
  const batches = new Map<string, ClaimInfo[]>();
  for (const claim of claims) {
    for (const driver of Object.keys(claim.devices)) {
      const batch = batches.get(driver) ?? [];
      batch.push(claim);
      batches.set(driver, batch);
    }
  }
  return batches;
}

/** By the Container Device Interface's names. @throws ConfigError where a claim that it names was not prepared */
export function cdiDevicesOf(pod: Pod, container: Container, claims: ClaimedDevices): readonly string[] {
  return devicesOf(pod, container, claims).flatMap(({ devices }) => devices.flatMap(({ cdiIds }) => cdiIds));
}

/** What of which claim a container gets, by the entry (`claim` or `claim/request`) that names it. */
export interface ClaimedForContainer {
  /** Absent for the pod's extended resources. */
  readonly entry?: string;
  readonly claim: ClaimInfo;
  readonly devices: readonly (PreparedDevice & { readonly driver: string })[];
}

/** @throws ConfigError where a claim that it names was not prepared */
export function devicesOf(pod: Pod, container: Container, claims: ClaimedDevices): readonly ClaimedForContainer[] {
  const namespace = pod.metadata?.namespace ?? '';
  const found: ClaimedForContainer[] = [];
  const info = (name: string): ClaimInfo => {
    const known = claims.get(namespace, name);
    if (known !== undefined) return known;
    throw new ConfigError(`unable to get claim info for claim ${name} in namespace ${namespace}`);
  };
  for (const { name, request = '' } of container.resources?.claims ?? []) {
    const podClaim = pod.spec?.resourceClaims?.find((each) => each.name === name);
    const claimName = podClaim && claimNameOf(pod, podClaim);
    if (!claimName) continue;
    const claim = info(claimName);
    found.push({ entry: request === '' ? name : `${name}/${request}`, claim, devices: ofRequest(claim, request) });
  }
  const extended = pod.status?.extendedResourceClaimStatus;
  for (const { containerName, requestName } of extended?.requestMappings ?? []) {
    if (extended === undefined || containerName !== container.name) continue;
    const claim = info(extended.resourceClaimName);
    found.push({ claim, devices: ofRequest(claim, requestName) });
  }
  return found;
}

/** A device that names no requests is for all of them. A request with alternatives is named `request/alternative` by the driver. */
function ofRequest(claim: ClaimInfo, request: string): ClaimedForContainer['devices'] {
  const isWanted = ({ requests }: PreparedDevice): boolean =>
    request === '' ||
    requests.length === 0 ||
    requests.some((each) => each === request || each.split('/')[0] === request);
  return Object.entries(claim.devices).flatMap(([driver, devices]) =>
    devices.filter(isWanted).map((device) => ({ ...device, driver })),
  );
}
