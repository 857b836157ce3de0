/**
 * Keeps containerd's `certs.d` and the node's credentials as `registries.yaml` says. It is looked at again every few seconds, and containerd
 * reads its part at each pull, so that a change needs no restart. A file that cannot be read leaves all as it was.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import type { Service } from '../../lib/service.ts';
import { dockerConfig, hostsFolder, hostsToml, managedMark, parseRegistries, type Registry } from './registries.ts';

export interface RegistrySettingsOptions {
  /** `registries.yaml` */
  readonly file: string;
  /** `certs.d` */
  readonly folder: string;
  /** Where credentials go, in Docker's format. */
  readonly credentials: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class RegistrySettings implements Service {
  readonly name = 'registries';
  readonly #options: RegistrySettingsOptions;
  readonly #stop = new AbortController();
  #applied: string | undefined;
  #refused: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: RegistrySettingsOptions) {
    this.#options = options;
  }

  /** @throws Error where the file is wrong: a node that pulls from elsewhere than it was told must not start */
  async start(): Promise<void> {
    await this.#look();
    this.#running = this.#follow();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(limits.configurationFileCheckMs, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#look();
        this.#refused = undefined;
      } catch (error) {
        const { message } = error as Error;
        if (message !== this.#refused) log.error('registries stay as they were', { error });
        this.#refused = message;
      }
    }
  }

  async #look(): Promise<void> {
    const text = await readText(this.#options.file);
    if (text === this.#applied) return;
    await this.#apply(parse(this.#options.file, text));
    if (this.#applied !== undefined) this.#options.log.info('registries changed', { file: this.#options.file });
    this.#applied = text;
  }

  async #apply(registries: readonly Registry[]): Promise<void> {
    const { folder, credentials } = this.#options;
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    for (const registry of registries) {
      const own = path.join(folder, hostsFolder(registry));
      await fs.mkdir(own, { recursive: true, mode: 0o700 });
      await writePrivateFile(path.join(own, 'hosts.toml'), hostsToml(registry));
    }
    const wanted = new Set(registries.map(hostsFolder));
    for (const name of await fs.readdir(folder)) if (!wanted.has(name)) await removeOurs(path.join(folder, name));
    await writePrivateFile(credentials, dockerConfig(registries));
  }
}

function parse(file: string, text: string): readonly Registry[] {
  try {
    return parseRegistries(text);
  } catch (error) {
    throw new Error(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** Empty where there is none. */
async function readText(file: string): Promise<string> {
  try {
    const { size } = await fs.stat(file);
    if (size > limits.configurationFileBytesMax) {
      throw new Error(`it has more than ${limits.configurationFileBytesMax} bytes`);
    }
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Somebody may have put more there. */
async function removeOurs(folder: string): Promise<void> {
  const file = path.join(folder, 'hosts.toml');
  const text = await fs.readFile(file, 'utf8').catch(() => '');
  if (!text.startsWith(managedMark)) return;
  await fs.rm(file);
  await fs.rmdir(folder).catch(() => {});
}
