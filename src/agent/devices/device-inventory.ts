/**
 * The devices that plugins told of, by resource, and the plugins themselves.
 *
 * ```
 *   register ──▶ options, list and watch ──▶ devices, healthy or not
 *                        │ ends: the plugin went
 *                        ▼
 *                all unhealthy ── five minutes ──▶ the resource counts 0, and is forgotten
 * ```
 * Kept true: a resource has one plugin, the one that registered last; a resource that was known before a restart counts 0 until its plugin
 * is back.
 */
import { isExtendedResource } from '../../api/resource-names.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { NodeStatusPart } from '../node-status.ts';
import type { DeviceSupply } from './choose-devices.ts';
import { type DevicePlugin, deviceApiVersion, type PluginDevice, type PluginOptions } from './device-plugin.ts';

/** Upstream's. */
const graceMs = 5 * 60_000;
/** Kinds of devices on one node. */
const resourcesMax = 256;

export interface InventoryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Devices came, went, or changed their health. */
  readonly changed: (resource: string) => void;
}

interface Resource {
  devices: ReadonlyMap<string, PluginDevice>;
  plugin?: DevicePlugin;
  options?: PluginOptions;
  watch?: { cancel(): void };
  /** Runs while there is no plugin. */
  grace?: Timer;
}

export class DeviceInventory {
  readonly #options: InventoryOptions;
  readonly #resources = new Map<string, Resource>();
  /** Their plugins stayed away. */
  readonly #forgotten = new Set<string>();
  #closed = false;

  constructor(options: InventoryOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#resources.size === 0;
  }

  get names(): readonly string[] {
    return [...this.#resources.keys()];
  }

  has(resource: string): boolean {
    return this.#resources.has(resource);
  }

  device(resource: string, id: string): PluginDevice | undefined {
    return this.#resources.get(resource)?.devices.get(id);
  }

  devices(resource: string): readonly PluginDevice[] {
    return [...(this.#resources.get(resource)?.devices.values() ?? [])];
  }

  healthy(resource: string): DeviceSupply['healthy'] | undefined {
    const known = this.#resources.get(resource);
    return known && new Set([...known.devices.values()].filter(({ isHealthy }) => isHealthy).map(({ id }) => id));
  }

  /** Undefined where it is away. */
  plugin(resource: string): { readonly plugin: DevicePlugin; readonly options: PluginOptions } | undefined {
    const { plugin, options } = this.#resources.get(resource) ?? {};
    return plugin && options && { plugin, options };
  }

  /** Of a resource that was there before a restart. */
  expect(resource: string): void {
    if (this.#resources.has(resource)) return;
    const known: Resource = { devices: new Map() };
    this.#resources.set(resource, known);
    this.#beginGrace(resource, known);
  }

  /** @throws Error in upstream's words where a plugin cannot be for this resource */
  check(resource: string, versions: readonly string[]): void {
    if (!versions.includes(deviceApiVersion)) {
      throw new Error(
        `requested API version "${versions.join(', ')}" is not supported by kubelet. Supported version is ["${deviceApiVersion}"]`,
      );
    }
    if (!isExtendedResource(resource)) throw new Error(`the ResourceName "${resource}" is invalid`);
    if (this.#resources.has(resource) || this.#resources.size < resourcesMax) return;
    throw new Error(`this node has ${resourcesMax} kinds of devices already`);
  }

  /** The plugin takes the place of the one before. @throws Error where it does not answer; then it is closed */
  async register(resource: string, plugin: DevicePlugin): Promise<void> {
    let options: PluginOptions;
    try {
      options = await plugin.options();
    } catch (error) {
      plugin.close();
      throw new Error(`failed to get device plugin options: ${(error as Error).message}`, { cause: error });
    }
    if (this.#closed) return plugin.close();
    const known: Resource = this.#resources.get(resource) ?? { devices: new Map() };
    this.#resources.set(resource, known);
    this.#forgotten.delete(resource);
    known.grace?.cancel();
    known.watch?.cancel();
    known.plugin?.close();
    known.plugin = plugin;
    known.options = options;
    const watch = plugin.watch((devices) => {
      if (!this.#closed && known.plugin === plugin) this.#list(resource, known, devices);
    });
    known.watch = watch;
    void watch.ended.then((error) => this.#ended(resource, plugin, error));
    this.#options.log.info('a device plugin registered', { resource });
    this.#options.changed(resource);
  }

  /** The plugin said that it goes. */
  deregister(resource: string): void {
    const { plugin } = this.#resources.get(resource) ?? {};
    if (plugin !== undefined) this.#ended(resource, plugin, new Error('its socket was removed'));
  }

  close(): void {
    this.#closed = true;
    for (const { grace, watch, plugin } of this.#resources.values()) {
      grace?.cancel();
      watch?.cancel();
      plugin?.close();
    }
  }

  /** Capacity: all there are; allocatable: those that are well. Unhealthy ones are kept in the capacity, as upstream's. */
  readonly statusPart: NodeStatusPart = (status) => {
    if (this.#resources.size === 0 && this.#forgotten.size === 0) return status;
    const none = Object.fromEntries([...this.#forgotten].map((name) => [name, '0']));
    const all = this.names.map((name) => [name, String(this.devices(name).length)]);
    const well = this.names.map((name) => [name, String(this.healthy(name)?.size ?? 0)]);
    return {
      ...status,
      capacity: { ...status.capacity, ...none, ...Object.fromEntries(all) },
      allocatable: { ...status.allocatable, ...none, ...Object.fromEntries(well) },
    };
  };

  #list(resource: string, known: Resource, devices: readonly PluginDevice[]): void {
    known.devices = new Map(devices.map((device) => [device.id, device]));
    this.#options.changed(resource);
  }

  #ended(resource: string, plugin: DevicePlugin, error: Error): void {
    plugin.close();
    const known = this.#resources.get(resource);
    if (this.#closed || known?.plugin !== plugin) return;
    this.#options.log.warn('a device plugin is gone, its devices count as unhealthy', { resource, error });
    known.watch?.cancel();
    delete known.plugin;
    delete known.options;
    delete known.watch;
    known.devices = new Map([...known.devices].map(([id, device]) => [id, { ...device, isHealthy: false }]));
    this.#beginGrace(resource, known);
    this.#options.changed(resource);
  }

  #beginGrace(resource: string, known: Resource): void {
    known.grace = this.#options.clock.after(graceMs, () => {
      this.#resources.delete(resource);
      this.#forgotten.add(resource);
      this.#options.changed(resource);
    });
  }
}
