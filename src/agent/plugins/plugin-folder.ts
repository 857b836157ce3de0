/**
 * Plugins that put a socket into `plugins_registry`: each is asked who it is, handed to whoever knows its kind, and told how that went; when
 * its socket goes, so does the plugin.
 *
 * ```
 *   *.sock appears ──▶ GetInfo ──▶ handler.validate, register ──▶ NotifyRegistrationStatus
 *          │                               │ fails: told, and tried again after a back-off while the socket is there
 *          └── goes, or is made anew ──▶ handler.deregister
 * ```
 * Kept true: one socket is worked on by one look at a time, and is registered at most once until it goes.
 */
import { lstat, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { PathWatch } from '../path-watch.ts';
import { loadService, PluginClient } from './grpc-service.ts';

export interface PluginHandler {
  /** @throws Error that says why the plugin cannot be used */
  register(name: string, endpoint: string, versions: readonly string[]): Promise<void>;
  deregister(name: string, endpoint: string): void;
}

export interface PluginFolderOptions {
  /** The folder, absolute. */
  readonly folder: string;
  /** By kind: `DRAPlugin`, `DevicePlugin`. */
  readonly handlers: ReadonlyMap<string, PluginHandler>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Looked at so often whatever the file system tells, and so soon after it told something. */
const checkMs = 20_000;
const settleMs = 50;
const callMs = 10_000;
const retryMsMin = 500;
const retryMsMax = 122_000;
const socketsMax = 256;

interface PluginInfo {
  readonly type: string;
  readonly name: string;
  readonly endpoint: string;
  readonly supported_versions: readonly string[];
}

interface KnownSocket {
  /** Another file of the same name is another plugin. */
  readonly identity: string;
  registered?: { readonly handler: PluginHandler; readonly name: string; readonly endpoint: string };
  failures: number;
  retryAtMs: number;
}

export class PluginFolder implements Service {
  readonly name = 'plugins';
  readonly #options: PluginFolderOptions;
  readonly #sockets = new Map<string, KnownSocket>();
  readonly #changes: PathWatch;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: PluginFolderOptions) {
    this.#options = options;
    this.#changes = new PathWatch(options.folder, () => {
      if (!this.#closed) this.#wakeIn(settleMs);
    });
  }

  async start(): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
    this.#look();
  }

  async close(): Promise<void> {
    this.destroy();
    await this.#looking;
  }

  destroy(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#changes.close();
  }

  #look(): void {
    const { log, folder } = this.#options;
    this.#looking = this.#looking
      .then(() => this.#lookOnce())
      .catch((error: unknown) => log.warn('the folder of plugins cannot be read', { folder, error }));
  }

  async #lookOnce(): Promise<void> {
    if (this.#closed) return;
    this.#wakeIn(checkMs);
    this.#changes.open();
    const found = await this.#list();
    for (const [socket, known] of this.#sockets) {
      if (found.get(socket) !== known.identity) this.#forget(socket, known);
    }
    await Promise.all([...found].map(([socket, identity]) => this.#reconcile(socket, identity)));
    const { clock } = this.#options;
    const waiting = [...this.#sockets.values()].filter(({ registered }) => registered === undefined);
    const nextMs = Math.min(checkMs, ...waiting.map(({ retryAtMs }) => Math.max(1, retryAtMs - clock.monotonic())));
    if (!this.#closed) this.#wakeIn(nextMs);
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => this.#look());
  }

  /** Sockets, also in folders within (those are found at the next look that time brings), with what tells one from its successor. */
  async #list(): Promise<ReadonlyMap<string, string>> {
    const { folder, log } = this.#options;
    const found = new Map<string, string>();
    const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isSocket() || entry.name.startsWith('.')) continue;
      if (found.size === socketsMax) {
        log.warn('there are more plugins than are taken', { folder, max: socketsMax });
        break;
      }
      const socket = path.join(entry.parentPath, entry.name);
      const facts = await lstat(socket).catch(() => undefined);
      if (facts !== undefined) found.set(socket, `${facts.dev}:${facts.ino}:${facts.ctimeMs}`);
    }
    return found;
  }

  #forget(socket: string, known: KnownSocket): void {
    this.#sockets.delete(socket);
    if (known.registered === undefined) return;
    const { handler, name, endpoint } = known.registered;
    this.#options.log.info('a plugin went', { name, socket });
    handler.deregister(name, endpoint);
  }

  async #reconcile(socket: string, identity: string): Promise<void> {
    const { clock, log } = this.#options;
    const known = this.#sockets.get(socket) ?? { identity, failures: 0, retryAtMs: 0 };
    this.#sockets.set(socket, known);
    if (known.registered !== undefined || clock.monotonic() < known.retryAtMs) return;
    try {
      await this.#register(socket, known);
    } catch (error) {
      const delayMs = delayAfter(known.failures++, retryMsMin, retryMsMax);
      known.retryAtMs = clock.monotonic() + delayMs;
      log.warn('a plugin could not be registered', { socket, delayMs, error });
    }
  }

  async #register(socket: string, known: KnownSocket): Promise<void> {
    const { clock, handlers, log } = this.#options;
    const file = fileURLToPath(new URL('plugin-registration.proto', import.meta.url));
    const client = new PluginClient(await loadService(file, 'pluginregistration.Registration'), socket, clock);
    try {
      const info = await client.call<PluginInfo>('GetInfo', {}, callMs).catch((error: Error) => {
        throw new Error(
          `RegisterPlugin error -- failed to get plugin info using RPC GetInfo at socket ${socket}, err: ${error.message}`,
          { cause: error },
        );
      });
      const tell = (error: string) =>
        client.call('NotifyRegistrationStatus', { plugin_registered: error === '', error }, callMs);
      const handler = handlers.get(info.type);
      const endpoint = info.endpoint || socket;
      try {
        if (handler === undefined) throw new Error(withoutHandler(info.type, socket));
        await handler.register(info.name, endpoint, info.supported_versions);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        await tell(message.startsWith('RegisterPlugin error') ? message : `RegisterPlugin error -- ${message}`);
        throw error;
      }
      known.registered = { handler, name: info.name, endpoint };
      log.info('a plugin registered', { type: info.type, name: info.name, endpoint });
      // It is registered, whether it can be told or not.
      await tell('').catch((error: unknown) => log.warn('a plugin could not be told', { name: info.name, error }));
    } finally {
      client.close();
    }
  }
}

function withoutHandler(type: string, socket: string): string {
  const message = `RegisterPlugin error -- no handler registered for plugin type: ${type} at socket ${socket}`;
  return type === 'CSIPlugin' ? `${message}: this node has no drivers of volumes (CSI)` : message;
}
