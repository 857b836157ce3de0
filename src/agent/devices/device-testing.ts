/** For tests: a device plugin in memory, and a device plugin and a driver of dynamic resources that speak real gRPC on real sockets. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { loadService, PluginClient } from '../plugins/grpc-service.ts';
import type { StateStore } from '../state-file.ts';
import type { DeviceAccess, DevicePlugin, PluginDevice, PluginOptions } from './device-plugin.ts';

const proto = (file: string): string => path.join(import.meta.dirname, file);

export const device = (id: string, isHealthy = true): PluginDevice => ({ id, isHealthy, numaNodes: [] });

/** What a plugin in memory answers: a variable with the ids. */
export const accessTo = (ids: readonly string[]): DeviceAccess => ({
  envs: { GPUS: ids.join() },
  mounts: [],
  devices: [],
  annotations: {},
  cdiDevices: [],
});

export class FakePlugin implements DevicePlugin {
  readonly asked: string[] = [];
  readonly answers: PluginOptions;
  /** Allocate and PreStartContainer fail with it. */
  error: Error | undefined;
  prefers: (available: readonly string[]) => readonly string[] = () => [];
  isClosed = false;
  #changed: ((devices: readonly PluginDevice[]) => void) | undefined;
  readonly #ended = Promise.withResolvers<Error>();
  #devices: readonly PluginDevice[];

  constructor(devices: readonly PluginDevice[], answers: Partial<PluginOptions> = {}) {
    this.#devices = devices;
    this.answers = { preStart: false, preferred: false, ...answers };
  }

  list(devices: readonly PluginDevice[]): void {
    this.#devices = devices;
    this.#changed?.(devices);
  }

  go(): void {
    this.#ended.resolve(new Error('EOF'));
  }

  async options(): Promise<PluginOptions> {
    return this.answers;
  }

  watch(changed: (devices: readonly PluginDevice[]) => void) {
    this.#changed = changed;
    changed(this.#devices);
    return { ended: this.#ended.promise, cancel: () => {} };
  }

  async preferred(available: readonly string[], mustInclude: readonly string[], size: number) {
    this.asked.push(`prefer ${size} of ${available.join()} with ${mustInclude.join()}`);
    return this.prefers(available);
  }

  async allocate(ids: readonly string[]): Promise<DeviceAccess> {
    this.asked.push(`allocate ${ids.join()}`);
    if (this.error !== undefined) throw this.error;
    return accessTo(ids);
  }

  async preStart(ids: readonly string[]): Promise<void> {
    this.asked.push(`prestart ${ids.join()}`);
    if (this.error !== undefined) throw this.error;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A disk that is only remembered. */
export class MemoryState<T> implements StateStore<T> {
  content: string | undefined;

  async load(): Promise<T | undefined> {
    return this.content === undefined ? undefined : (JSON.parse(this.content) as T);
  }

  async save(content: () => T): Promise<void> {
    this.content = JSON.stringify(content());
  }

  async settled(): Promise<void> {}
}

type Answers = Readonly<Record<string, (request: never) => object>>;

async function serve(
  socket: string,
  services: readonly { file: string; name: string; wire?: string; answers: Answers }[],
) {
  let server: Server | undefined;
  await rm(socket, { force: true });
  for (const { file, name, wire, answers } of services) {
    const { grpc, definition } = await loadService(file, name, wire);
    server ??= new grpc.Server();
    const handlers = Object.entries(answers).map(([method, answer]) => {
      const unary = (
        { request }: { request: never },
        done: (error: object | null, response?: object) => void,
      ): void => {
        try {
          done(null, answer(request));
        } catch (error) {
          done({ code: 2, details: (error as Error).message });
        }
      };
      return [method, definition[method]?.responseStream === true ? answer : unary];
    });
    server.addService(definition, Object.fromEntries(handlers) as Record<string, never>);
  }
  const { ServerCredentials } = await import('@grpc/grpc-js');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server?.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
    error === null ? resolve() : reject(error),
  );
  await promise;
  return { close: () => server?.forceShutdown() };
}

interface WireDevice {
  readonly ID: string;
  readonly health: string;
}

/** A device plugin on a socket of its own beside the agent's. */
export class SocketPlugin {
  readonly allocated: string[] = [];
  readonly #folder: string;
  readonly #resource: string;
  readonly #answer: (ids: readonly string[]) => object;
  readonly #streams = new Set<ServerWritableStream<unknown, unknown>>();
  #devices: readonly WireDevice[];
  #server: { close(): void } | undefined;

  /** @param answer to Allocate, for one container */
  constructor(folder: string, resource: string, ids: readonly string[], answer: (ids: readonly string[]) => object) {
    this.#folder = folder;
    this.#resource = resource;
    this.#answer = answer;
    this.#devices = ids.map((ID) => ({ ID, health: 'Healthy' }));
  }

  async start(): Promise<void> {
    const answers = {
      GetDevicePluginOptions: () => ({}),
      Allocate: ({ container_requests: requests }: { container_requests: { devices_ids: string[] }[] }) => {
        this.allocated.push(...requests.map(({ devices_ids: ids }) => ids.join()));
        return { container_responses: requests.map(({ devices_ids: ids }) => this.#answer(ids)) };
      },
      ListAndWatch: (call: ServerWritableStream<unknown, unknown>) => {
        this.#streams.add(call);
        call.on('cancelled', () => this.#streams.delete(call));
        call.write({ devices: this.#devices });
        return call;
      },
    } as unknown as Answers;
    const socket = path.join(this.#folder, 'fake.sock');
    this.#server = await serve(socket, [{ file: proto('device-plugin.proto'), name: 'v1beta1.DevicePlugin', answers }]);
  }

  /** @throws Error with what the agent said */
  async register(clock: Clock, changes: object = {}): Promise<void> {
    const service = await loadService(proto('device-plugin.proto'), 'v1beta1.Registration');
    const client = new PluginClient(service, path.join(this.#folder, 'kubelet.sock'), clock);
    const request = { version: 'v1beta1', endpoint: 'fake.sock', resource_name: this.#resource, ...changes };
    await client.call('Register', request, 5000).finally(() => client.close());
  }

  setHealth(id: string, health: 'Healthy' | 'Unhealthy'): void {
    this.#devices = this.#devices.map((each) => (each.ID === id ? { ...each, health } : each));
    for (const stream of this.#streams) stream.write({ devices: this.#devices });
  }

  stop(): void {
    this.#server?.close();
    this.#streams.clear();
  }
}

/** A driver of dynamic resources that puts its socket into `plugins_registry`, and serves both directions on it. */
export class SocketDriver {
  readonly asked: string[] = [];
  /** Of NotifyRegistrationStatus: the error, empty where all is well. */
  readonly told: string[] = [];
  /** By claim: what goes wrong. */
  readonly errors = new Map<string, string>();
  readonly #socket: string;
  readonly #info: object;
  readonly #wire: string;
  #server: { close(): void } | undefined;

  constructor(folder: string, info: { readonly name: string; readonly type?: string; readonly versions?: string[] }) {
    this.#socket = path.join(folder, `${info.name}-reg.sock`);
    const versions = info.versions ?? ['v1.DRAPlugin'];
    this.#info = { type: info.type ?? 'DRAPlugin', name: info.name, supported_versions: versions };
    this.#wire = `k8s.io.kubelet.pkg.apis.dra.${versions[0] ?? 'v1.DRAPlugin'}`;
  }

  async start(): Promise<void> {
    const driver = {
      NodePrepareResources: (request: WireClaims) =>
        this.#answer('prepare', request, (name) => ({
          devices: [
            { request_names: ['gpu'], pool_name: 'p', device_name: 'd', cdi_device_ids: [`example.com/gpu=${name}`] },
          ],
        })),
      NodeUnprepareResources: (request: WireClaims) => this.#answer('unprepare', request, () => ({})),
    };
    const registration = {
      GetInfo: () => this.#info,
      NotifyRegistrationStatus: ({ error }: { error: string }) => {
        this.told.push(error);
        return {};
      },
    };
    this.#server = await serve(this.#socket, [
      { file: proto('dra.proto'), name: 'k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin', wire: this.#wire, answers: driver },
      {
        file: path.join(import.meta.dirname, '../plugins/plugin-registration.proto'),
        name: 'pluginregistration.Registration',
        answers: registration,
      },
    ]);
  }

  async stop(): Promise<void> {
    this.#server?.close();
    await rm(this.#socket, { force: true });
  }

  #answer(what: string, { claims }: WireClaims, answer: (name: string) => object): object {
    const each = claims.map(({ namespace, name, uid }) => {
      this.asked.push(`${what} ${namespace}/${name}`);
      const error = this.errors.get(name);
      return [uid, error === undefined ? answer(name) : { error }];
    });
    return { claims: Object.fromEntries(each) as object };
  }
}

interface WireClaims {
  readonly claims: readonly { readonly namespace: string; readonly name: string; readonly uid: string }[];
}
