/**
 * The door of device plugins: the Registration service on `device-plugins/kubelet.sock`. A plugin names its own socket beside it.
 *
 * When the agent starts, sockets that plugins left there are removed, as upstream does: that, and the new kubelet.sock, is how a plugin
 * learns that it must register again. It leaves everything that is no socket.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { PluginHandler } from '../plugins/plugin-folder.ts';
import { SocketServer } from '../plugins/socket-server.ts';
import type { DeviceInventory } from './device-inventory.ts';
import { connectDevicePlugin, loadRegistration } from './device-plugin.ts';

export interface DeviceRegistrationOptions {
  /** Absolute. */
  readonly folder: string;
  readonly inventory: DeviceInventory;
  readonly clock: Clock;
  readonly log: Logger;
}

interface RegisterRequest {
  readonly version: string;
  readonly endpoint: string;
  readonly resource_name: string;
}

export class DeviceRegistration implements Service {
  readonly name = 'device plugins';
  readonly #options: DeviceRegistrationOptions;
  readonly #server: SocketServer;

  constructor(options: DeviceRegistrationOptions) {
    this.#options = options;
    this.#server = new SocketServer({
      name: this.name,
      socket: path.join(options.folder, 'kubelet.sock'),
      load: loadRegistration,
      methods: { Register: (request: RegisterRequest) => this.#register(request) },
      log: options.log,
    });
  }

  async start(): Promise<void> {
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries) if (entry.isSocket()) await rm(path.join(folder, entry.name), { force: true });
    await this.#server.start();
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  destroy(): void {
    this.#server.destroy();
  }

  async #register({ version, endpoint, resource_name: resource }: RegisterRequest): Promise<object> {
    const { inventory, folder, clock, log } = this.#options;
    try {
      inventory.check(resource, [version]);
      if (endpoint === '' || endpoint !== path.basename(endpoint)) {
        throw new Error(`the endpoint "${endpoint}" is no name of a socket in ${folder}`);
      }
      await inventory.register(resource, await connectDevicePlugin(path.join(folder, endpoint), clock));
    } catch (error) {
      log.warn('a device plugin could not register', { resource, error });
      throw error;
    }
    return {};
  }
}

/** For device plugins that come through `plugins_registry`. */
export function devicePluginHandler(inventory: DeviceInventory, clock: Clock): PluginHandler {
  return {
    register: async (name, endpoint, versions) => {
      try {
        inventory.check(name, versions);
      } catch (error) {
        throw new Error(`plugin validation failed with err: ${(error as Error).message}`, { cause: error });
      }
      try {
        await inventory.register(name, await connectDevicePlugin(endpoint, clock));
      } catch (error) {
        throw new Error(`plugin registration failed with err: ${(error as Error).message}`, { cause: error });
      }
    },
    deregister: (name) => inventory.deregister(name),
  };
}
