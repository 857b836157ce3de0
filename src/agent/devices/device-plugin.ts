/** What the agent asks of a device plugin (v1beta1), in our words; and the plugin behind a socket. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../lib/clock.ts';
import { loadService, PluginClient, type PluginService } from '../plugins/grpc-service.ts';
import type { DeviceConfig, MountConfig } from '../runtime.ts';

export const deviceApiVersion = 'v1beta1';
const protocolFile = fileURLToPath(new URL('device-plugin.proto', import.meta.url));

export interface PluginDevice {
  readonly id: string;
  readonly isHealthy: boolean;
  readonly numaNodes: readonly number[];
}

export interface PluginOptions {
  readonly preStart: boolean;
  readonly preferred: boolean;
}

/** What a container needs to use its devices. As kept on disk. */
export interface DeviceAccess {
  readonly envs: Readonly<Record<string, string>>;
  readonly mounts: readonly MountConfig[];
  readonly devices: readonly DeviceConfig[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdiDevices: readonly string[];
}

/** All reject with an Error in gRPC's words. */
export interface DevicePlugin {
  options(): Promise<PluginOptions>;
  /** All its devices at once, and again whenever one changes. */
  watch(changed: (devices: readonly PluginDevice[]) => void): {
    /** Resolves when nothing more comes. */
    readonly ended: Promise<Error>;
    cancel(): void;
  };
  preferred(available: readonly string[], mustInclude: readonly string[], size: number): Promise<readonly string[]>;
  /** Undefined: it answered for no container. */
  allocate(ids: readonly string[]): Promise<DeviceAccess | undefined>;
  preStart(ids: readonly string[]): Promise<void>;
  close(): void;
}

/** Upstream waits without end for an answer to Allocate; here the pod is told after this, and refused. */
const callMs = 60_000;
const optionsMs = 10_000;
const preStartMs = 30_000;

export const loadRegistration = (): Promise<PluginService> => loadService(protocolFile, 'v1beta1.Registration');

export async function connectDevicePlugin(socket: string, clock: Clock): Promise<DevicePlugin> {
  return new SocketDevicePlugin(
    new PluginClient(await loadService(protocolFile, 'v1beta1.DevicePlugin'), socket, clock),
  );
}

class SocketDevicePlugin implements DevicePlugin {
  readonly #client: PluginClient;

  constructor(client: PluginClient) {
    this.#client = client;
  }

  async options(): Promise<PluginOptions> {
    const answer = await this.#client.call<WireOptions>('GetDevicePluginOptions', {}, optionsMs);
    return { preStart: answer.pre_start_required, preferred: answer.get_preferred_allocation_available };
  }

  watch(changed: (devices: readonly PluginDevice[]) => void) {
    return this.#client.stream<WireList>('ListAndWatch', {}, ({ devices }) => changed(devices.map(deviceOf)));
  }

  async preferred(available: readonly string[], mustInclude: readonly string[], size: number) {
    const request = { available_deviceIDs: available, must_include_deviceIDs: mustInclude, allocation_size: size };
    const body = { container_requests: [request] };
    const answer = await this.#client.call<WirePreferred>('GetPreferredAllocation', body, callMs);
    return answer.container_responses[0]?.deviceIDs ?? [];
  }

  async allocate(ids: readonly string[]): Promise<DeviceAccess | undefined> {
    const body = { container_requests: [{ devices_ids: ids }] };
    const answer = await this.#client.call<WireAllocation>('Allocate', body, callMs);
    return answer.container_responses[0] && accessOf(answer.container_responses[0]);
  }

  async preStart(ids: readonly string[]): Promise<void> {
    await this.#client.call('PreStartContainer', { devices_ids: ids }, preStartMs);
  }

  close(): void {
    this.#client.close();
  }
}

interface WireOptions {
  readonly pre_start_required: boolean;
  readonly get_preferred_allocation_available: boolean;
}
interface WireDevice {
  readonly ID: string;
  readonly health: string;
  readonly topology: { readonly nodes: readonly { readonly ID: number }[] } | null;
}
interface WireList {
  readonly devices: readonly WireDevice[];
}
interface WirePreferred {
  readonly container_responses: readonly { readonly deviceIDs: readonly string[] }[];
}
interface WireAccess {
  readonly envs: Readonly<Record<string, string>>;
  readonly mounts: readonly {
    readonly container_path: string;
    readonly host_path: string;
    readonly read_only: boolean;
  }[];
  readonly devices: readonly {
    readonly container_path: string;
    readonly host_path: string;
    readonly permissions: string;
  }[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdi_devices: readonly { readonly name: string }[];
}
interface WireAllocation {
  readonly container_responses: readonly WireAccess[];
}

function deviceOf({ ID, health, topology }: WireDevice): PluginDevice {
  return { id: ID, isHealthy: health === 'Healthy', numaNodes: (topology?.nodes ?? []).map((node) => node.ID) };
}

function accessOf({ envs, mounts, devices, annotations, cdi_devices }: WireAccess): DeviceAccess {
  return {
    envs,
    mounts: mounts.map(({ container_path: containerPath, host_path: hostPath, read_only: readOnly }) => ({
      hostPath,
      containerPath,
      readOnly,
    })),
    devices: devices.map(({ container_path: containerPath, host_path: hostPath, permissions }) => ({
      hostPath,
      containerPath,
      permissions,
    })),
    annotations,
    cdiDevices: cdi_devices.map(({ name }) => name),
  };
}
