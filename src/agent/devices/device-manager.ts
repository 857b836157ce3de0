/**
 * Devices of device plugins for pods: the pod's hook, and who has what.
 *
 * ```
 *   admit: ids are taken, or the pod is refused ──▶ prepare: the plugin may prefer others, Allocate ──▶ on disk
 *                                                                       │ fails: the pod is refused
 *   container (each run): PreStartContainer, then what Allocate answered: variables, mounts, devices
 * ```
 * Kept true: a device has one pod at a time, and keeps it over restarts of the agent; what no plugin serves is nobody's business here. A pod
 * that runs already is never refused, and where no plugin ever registered, nothing is looked at.
 */
import type { Pod, ResourceStatus } from '../../api/schema/types/core-v1.ts';
import type { Logger } from '../../lib/log.ts';
import { ConfigError } from '../pod/config-error.ts';
import { appContainers, initContainers } from '../pod/containers.ts';
import type { ContainerHookTarget, PodHook, Refusal } from '../pod/pod-hook.ts';
import type { ContainerConfig, PodIdentity } from '../runtime.ts';
import type { StateStore } from '../state-file.ts';
import {
  AllocationError,
  checkStillHealthy,
  chooseDevices,
  type DeviceSupply,
  wantsDevices,
} from './choose-devices.ts';
import { withAccess } from './device-access.ts';
import type { DeviceInventory } from './device-inventory.ts';
import type { DeviceAccess } from './device-plugin.ts';
import { preferDevices } from './prefer-devices.ts';

/** What a container has of one resource. */
export interface GivenDevices {
  readonly ids: readonly string[];
  /** Absent: the plugin was not asked yet. */
  readonly access?: DeviceAccess;
}

/** By container, then by resource. */
export type PodDevices = Map<string, Map<string, GivenDevices>>;

/** On disk. */
export interface DeviceState {
  readonly resources: readonly string[];
  readonly pods: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, GivenDevices>>>>>>;
}

export interface DeviceManagerOptions {
  readonly inventory: DeviceInventory;
  readonly store: StateStore<DeviceState>;
  readonly refuse: (uid: string, refusal: Refusal) => void;
  readonly log: Logger;
}

export class DeviceManager implements PodHook {
  readonly name = 'devices';
  readonly failurePrefix = 'allocate devices';
  readonly #inventory: DeviceInventory;
  readonly #options: DeviceManagerOptions;
  readonly #pods = new Map<string, PodDevices>();
  /** Given out by this agent, and not started with yet: these may still be refused. */
  readonly #fresh = new Set<string>();

  constructor(options: DeviceManagerOptions) {
    this.#options = options;
    this.#inventory = options.inventory;
  }

  /** Call it before pods come. */
  async load(): Promise<void> {
    const state = await this.#options.store.load();
    for (const resource of state?.resources ?? []) this.#inventory.expect(resource);
    for (const [uid, containers] of Object.entries(state?.pods ?? {})) {
      const given = Object.entries(containers).map(([name, each]) => [name, new Map(Object.entries(each))] as const);
      this.#pods.set(uid, new Map(given));
    }
  }

  uids(): readonly string[] {
    return [...this.#pods.keys()];
  }

  of(uid: string): ReadonlyMap<string, ReadonlyMap<string, GivenDevices>> | undefined {
    return this.#pods.get(uid);
  }

  /** How many of a resource are given out, for whatever counts what the node has. */
  countGiven(resource: string): number {
    return this.#taken(resource).size;
  }

  get givenResources(): readonly string[] {
    const names = [...this.#pods.values()].flatMap((pod) => [...pod.values()].flatMap((given) => [...given.keys()]));
    return [...new Set(names)];
  }

  admit(pod: Pod): Refusal | undefined {
    const uid = pod.metadata?.uid ?? '';
    if (pod.status?.startTime !== undefined || this.#pods.has(uid) || !this.#wants(pod)) return undefined;
    try {
      this.#reserve(pod, uid);
      return undefined;
    } catch (error) {
      if (error instanceof AllocationError) return unexpected(error);
      throw error;
    }
  }

  async prepare(pod: Pod, { uid }: PodIdentity): Promise<void> {
    const known = this.#pods.get(uid);
    if (known === undefined && !this.#wants(pod)) return;
    const given = known ?? this.#reserve(pod, uid);
    if (isComplete(given)) return this.#check(given);
    try {
      await this.#allocate(pod, uid, given);
    } catch (error) {
      if (this.#pods.get(uid) === given && this.#fresh.has(uid)) {
        this.release(uid);
        this.#options.refuse(uid, unexpected(error));
      }
      throw error;
    }
    this.#fresh.delete(uid);
    await this.save();
  }

  async container(
    config: ContainerConfig,
    { pod, container, identity }: ContainerHookTarget,
  ): Promise<ContainerConfig> {
    const { uid } = identity;
    const known = this.#pods.get(uid);
    if (known === undefined && !this.#wants(pod)) return config;
    // It ran before, and what it had is not known any more.
    if (known === undefined || !isComplete(known)) await asConfigError(() => this.prepare(pod, identity));
    const given = this.#pods.get(uid)?.get(container.name);
    if (given === undefined) return config;
    for (const [resource, { ids }] of given) await this.#preStart(resource, ids);
    return withAccess(
      config,
      [...given.values()].flatMap(({ access }) => access ?? []),
    );
  }

  release(uid: string): void {
    this.#fresh.delete(uid);
    if (!this.#pods.delete(uid)) return;
    this.save().catch((error: unknown) => this.#options.log.warn('devices of pods could not be noted', { uid, error }));
  }

  async cleanUp(uid: string): Promise<void> {
    this.release(uid);
  }

  settled(): Promise<void> {
    return this.#options.store.settled();
  }

  save(): Promise<void> {
    return this.#options.store.save(() => ({
      resources: this.#inventory.names,
      pods: Object.fromEntries(
        [...this.#pods]
          .filter(([, given]) => isComplete(given))
          .map(([uid, given]) => [
            uid,
            Object.fromEntries([...given].map(([container, each]) => [container, Object.fromEntries(each)])),
          ]),
      ),
    }));
  }

  /** How the devices of the pod's containers are, by container; undefined where it has none. */
  health(uid: string): ReadonlyMap<string, readonly ResourceStatus[]> | undefined {
    const given = this.#pods.get(uid);
    if (given === undefined) return undefined;
    return new Map(
      [...given].map(([container, each]) => [
        container,
        [...each].map(([name, { ids }]) => ({
          name,
          resources: ids.map((id) => ({ resourceID: id, health: this.#isWell(name, id) ? 'Healthy' : 'Unhealthy' })),
        })),
      ]),
    );
  }

  /** One that its plugin does not list (yet) counts as well: nothing bad is known of it. */
  #isWell(resource: string, id: string): boolean {
    return this.#inventory.device(resource, id)?.isHealthy ?? true;
  }

  readonly #isDevice = (resource: string): boolean => this.#inventory.has(resource);

  #wants(pod: Pod): boolean {
    return !this.#inventory.isEmpty && wantsDevices(pod, this.#isDevice);
  }

  #reserve(pod: Pod, uid: string): PodDevices {
    const chosen = chooseDevices(pod, this.#isDevice, (resource) => this.#supply(resource));
    const given: PodDevices = new Map();
    for (const [container, each] of chosen) {
      given.set(container, new Map([...each].map(([resource, ids]) => [resource, { ids }])));
    }
    this.#pods.set(uid, given);
    if (pod.status?.startTime === undefined) this.#fresh.add(uid);
    return given;
  }

  #supply(resource: string, except?: PodDevices): DeviceSupply | undefined {
    const healthy = this.#inventory.healthy(resource);
    return healthy && { healthy, taken: this.#taken(resource, except) };
  }

  #taken(resource: string, except?: PodDevices): ReadonlySet<string> {
    const taken = new Set<string>();
    for (const given of this.#pods.values()) {
      if (given === except) continue;
      for (const each of given.values()) for (const id of each.get(resource)?.ids ?? []) taken.add(id);
    }
    return taken;
  }

  /** Of a pod that has all it needs and gets a sandbox again: also after the machine started anew, when plugins are not back yet. */
  #check(given: PodDevices): void {
    for (const each of given.values()) {
      for (const [resource, { ids }] of each) checkStillHealthy(resource, ids, this.#supply(resource));
    }
  }

  async #allocate(pod: Pod, uid: string, given: PodDevices): Promise<void> {
    const order = [...initContainers(pod), ...appContainers(pod)].map(({ name }) => name);
    const resources = new Set([...given.values()].flatMap((each) => [...each.keys()]));
    for (const resource of resources) {
      const { plugin, options } = this.#pluginOf(resource);
      if (!options.preferred) continue;
      await preferDevices({
        given,
        pod,
        resource,
        plugin,
        supply: () => this.#supply(resource, given) ?? { healthy: new Set(), taken: new Set() },
      });
    }
    for (const container of order) {
      for (const [resource, { ids, access }] of given.get(container) ?? []) {
        if (access !== undefined) continue;
        const answer = await this.#pluginOf(resource).plugin.allocate(ids);
        if (answer === undefined) throw new Error('no containers return in allocation response');
        given.get(container)?.set(resource, { ids, access: answer });
      }
    }
    if (this.#pods.get(uid) !== given) throw new Error('the pod ended meanwhile');
  }

  #pluginOf(resource: string) {
    const found = this.#inventory.plugin(resource);
    if (found === undefined) throw new AllocationError(`cannot allocate unregistered device ${resource}`);
    return found;
  }

  /** Where the plugin is away nothing is asked of it, as upstream does. @throws ConfigError */
  async #preStart(resource: string, ids: readonly string[]): Promise<void> {
    const found = this.#inventory.plugin(resource);
    if (found?.options.preStart !== true) return;
    try {
      await found.plugin.preStart(ids);
    } catch (error) {
      throw new ConfigError(`device plugin PreStartContainer rpc failed with err: ${(error as Error).message}`);
    }
  }
}

function isComplete(given: PodDevices): boolean {
  return [...given.values()].every((each) => [...each.values()].every(({ access }) => access !== undefined));
}

function unexpected(error: unknown): Refusal {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${why}, which is unexpected` };
}

async function asConfigError(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
}
