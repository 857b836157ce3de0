/**
 * A node's devices put together: plugins of both kinds, who has what, and what is told of it. `agent.ts` takes the parts from here.
 *
 * ```
 *   device-plugins/kubelet.sock ─┐                        ┌─▶ the node's status
 *   plugins_registry/*.sock ─────┼─▶ inventory, drivers ──┼─▶ hooks of pods
 *                                └───────────────────────┴─▶ pod-resources/kubelet.sock
 * ```
 */
import path from 'node:path';
import type { Pod, ResourceStatus } from '../../api/schema/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { NodeStatusPart } from '../node-status.ts';
import { PluginFolder } from '../plugins/plugin-folder.ts';
import type { PodHook, Refusal } from '../pod/pod-hook.ts';
import type { NodeSource } from '../resources/own-node.ts';
import type { Runtime } from '../runtime.ts';
import { StateFile } from '../state-file.ts';
import { cdiHook } from './cdi-specs.ts';
import { ClaimedDevices, type ClaimInfo } from './claimed-devices.ts';
import { DeviceInventory } from './device-inventory.ts';
import { DeviceManager, type DeviceState } from './device-manager.ts';
import { DeviceRegistration, devicePluginHandler } from './device-registration.ts';
import { DraDrivers } from './dra-drivers.ts';
import type { DeviceDrivers } from './dynamic-resources.ts';
import { podResources } from './pod-resources.ts';
import { raisedToGiven } from './raised-node.ts';
import { SliceWiper } from './slice-wiper.ts';
import { parseClaims, parseDevices } from './state-content.ts';

export interface NodeDevicesOptions {
  readonly client: Client;
  readonly runtime: Pick<Runtime, 'info'>;
  readonly nodeName: string;
  /** The node's state. */
  readonly home: string;
  /** The folders of sockets are made in here. */
  readonly pluginRoot: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the agent does for devices. */
export interface DevicePods {
  readonly active: () => readonly Pod[];
  readonly wake: (uid: string) => void;
  readonly refuse: (uid: string, refusal: Refusal) => void;
}

export class NodeDevices {
  readonly inventory: DeviceInventory;
  readonly hooks: readonly PodHook[];
  /** After all others. */
  readonly lastHooks: readonly PodHook[];
  readonly statusPart: NodeStatusPart;
  readonly drivers: DeviceDrivers;
  /** To be started before pods come. */
  readonly service: Service;
  readonly #manager: DeviceManager;
  readonly #claims: ClaimedDevices;
  readonly #log: Logger;
  #pods: DevicePods | undefined;
  #onChange: () => void = () => {};

  constructor(options: NodeDevicesOptions) {
    const { home, clock, log, pluginRoot } = options;
    this.#log = log;
    const wiper = new SliceWiper(options);
    const drivers = new DraDrivers({ watch: wiper, clock, log });
    this.inventory = new DeviceInventory({ clock, log, changed: (resource) => this.#changed(resource) });
    const devices = new StateFile<DeviceState>(path.join(home, 'allocated_devices_state'), parseDevices, log);
    const refuse = (uid: string, refusal: Refusal): void => this.#pods?.refuse(uid, refusal);
    this.#manager = new DeviceManager({ inventory: this.inventory, store: devices, refuse, log });
    const claims = new StateFile<readonly ClaimInfo[]>(path.join(home, 'dra_manager_state'), parseClaims, log);
    this.#claims = new ClaimedDevices(drivers, claims);
    this.hooks = [this.#manager];
    this.lastHooks = [cdiHook(() => options.runtime.info())];
    this.statusPart = this.inventory.statusPart;
    this.drivers = { canPrepare: (driver) => drivers.canPrepare(driver), claims: this.#claims };
    this.service = this.#serviceOf(options, drivers, wiper, pluginRoot);
  }

  attach(pods: DevicePods): void {
    this.#pods = pods;
  }

  /** @param told whenever the node's status is another */
  onChange(told: () => void): void {
    this.#onChange = told;
  }

  /** At least what was given out counts as there: a plugin that is away for a moment makes nobody's devices vanish. */
  raised(node: NodeSource): NodeSource {
    return raisedToGiven(node, this.#manager);
  }

  /** How the pod's devices are, by container; undefined where it has none. */
  health(pod: Pod): ReadonlyMap<string, readonly ResourceStatus[]> | undefined {
    return this.#manager.health(pod.metadata?.uid ?? '');
  }

  #serviceOf(options: NodeDevicesOptions, drivers: DraDrivers, wiper: SliceWiper, root: string): Service {
    const { clock, log } = options;
    const { inventory } = this;
    const registration = new DeviceRegistration({ folder: path.join(root, 'device-plugins'), inventory, clock, log });
    const handlers = new Map([
      ['DevicePlugin', devicePluginHandler(inventory, clock)],
      ['DRAPlugin', drivers],
    ]);
    const folder = new PluginFolder({ folder: path.join(root, 'plugins_registry'), handlers, clock, log });
    const [manager, claims] = [this.#manager, this.#claims];
    const pods = (): readonly Pod[] => this.#pods?.active() ?? [];
    const monitors = podResources({ folder: path.join(root, 'pod-resources'), pods, inventory, manager, claims, log });
    const parts: readonly Service[] = [registration, folder, monitors];
    return {
      name: 'devices',
      start: async () => {
        await manager.load();
        await claims.load();
        wiper.start();
        for (const part of parts) await part.start();
      },
      close: async () => {
        for (const part of parts) await part.close();
        inventory.close();
        drivers.close();
        await wiper.close();
        await manager.settled();
        await claims.settled();
      },
    };
  }

  #changed(resource: string): void {
    this.#onChange();
    this.#manager.save().catch((error: unknown) => this.#log.warn('devices could not be noted', { resource, error }));
    for (const uid of this.#manager.uids()) {
      const given = this.#manager.of(uid);
      if ([...(given?.values() ?? [])].some((each) => each.has(resource))) this.#pods?.wake(uid);
    }
  }
}
