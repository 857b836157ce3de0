/**
 * Reads the manifests of static pods from a folder (or one file): at the start, when the folder changes, and every 20 s whatever the file
 * system tells. Files whose names begin with a dot are left alone, folders within are not entered.
 *
 * A file that cannot be read as a pod is said to be so once, and what it last held runs on: half a file, as an editor leaves it for a moment,
 * ends no pod. A file that is gone does.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { type Clock, formatTime, type Timer } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { PathWatch } from '../path-watch.ts';
import { asStaticPod, fullName } from './static-pod.ts';

/** From text to a pod with its defaults, adapted and checked. @throws Error that says what is wrong */
export type ManifestReader = (
  text: string,
  adapt: (pod: Pod) => Pod,
) => Promise<{ readonly pod: Pod; readonly warnings: readonly string[] }>;

export interface ManifestFolderOptions {
  readonly path: string;
  readonly nodeName: string;
  readonly read: ManifestReader;
  /** Called with all pods whenever one came, changed or went, and once after the first look. */
  readonly changed: (pods: readonly Pod[]) => Promise<void> | void;
  readonly clock: Clock;
  readonly log: Logger;
}

const checkMs = 20_000;
/** Writers write in several steps. */
const settleMs = 100;

interface KnownFile {
  readonly text: string;
  readonly pod: Pod | undefined;
}

export class ManifestFolder implements Service {
  readonly name = 'static pods';
  readonly #options: ManifestFolderOptions;
  readonly #changes: PathWatch;
  #files = new Map<string, KnownFile>();
  #told: readonly Pod[] | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;
  #wasMissing = false;

  constructor(options: ManifestFolderOptions) {
    this.#options = options;
    this.#changes = new PathWatch(options.path, () => this.#soon());
  }

  async start(): Promise<void> {
    this.#look();
    await this.#looking;
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
    this.#looking = this.#looking.then(() => this.#lookOnce()).catch((error: unknown) => this.#complain(error));
  }

  async #lookOnce(): Promise<void> {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(checkMs, () => this.#look());
    this.#changes.open();
    const files = await this.#list();
    if (files === undefined) return;
    const known = new Map<string, KnownFile>();
    for (const file of files) known.set(file, await this.#readFile(file));
    this.#files = known;
    await this.#tell();
  }

  #soon(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(settleMs, () => this.#look());
  }

  /** Undefined where it cannot be looked into; a folder that is not there holds nothing. */
  async #list(): Promise<readonly string[] | undefined> {
    const root = this.#options.path;
    try {
      const facts = await stat(root);
      this.#wasMissing = false;
      if (facts.isFile()) return [root];
      const entries = await readdir(root, { withFileTypes: true });
      const names = entries.filter((entry) => !entry.name.startsWith('.') && !entry.isDirectory());
      return names.map(({ name }) => path.join(root, name)).sort();
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || !this.#wasMissing) this.#complain(error);
      this.#wasMissing = isMissing;
      // A folder that vanished must be watched anew when it is back.
      this.#changes.close();
      return isMissing ? [] : undefined;
    }
  }

  async #readFile(file: string): Promise<KnownFile> {
    const before = this.#files.get(file);
    const { nodeName, read, clock, log } = this.#options;
    let text = '';
    try {
      const facts = await stat(file);
      // Of a pipe or a device nobody knows when it ends.
      if (!facts.isFile()) throw new Error('it is not a file');
      const { size } = facts;
      if (size > limits.configurationFileBytesMax) throw new Error('the file is too large');
      text = await readFile(file, 'utf8');
      if (before !== undefined && before.text === text) return before;
      const origin = { nodeName, file, seen: formatTime(clock.now()) };
      const { pod, warnings } = await read(text, (plain) => asStaticPod(plain, origin));
      if (warnings.length > 0) log.warn('a manifest of a static pod has faults', { file, warnings });
      return { text, pod };
    } catch (error) {
      log.error('a manifest cannot be used as a static pod; what it held before stays', { file, error });
      return { text, pod: before?.pod };
    }
  }

  async #tell(): Promise<void> {
    const pods = this.#pods();
    const before = this.#told;
    if (before !== undefined && before.length === pods.length && before.every((pod, index) => pod === pods[index]))
      return;
    this.#told = pods;
    await this.#options.changed(pods);
  }

  /** Of two files with the same pod the first wins. */
  #pods(): readonly Pod[] {
    const byName = new Map<string, Pod>();
    for (const [file, { pod }] of this.#files) {
      if (pod === undefined) continue;
      if (byName.has(fullName(pod)))
        this.#options.log.warn('two manifests have the same pod', { file, pod: fullName(pod) });
      else byName.set(fullName(pod), pod);
    }
    return [...byName.values()];
  }

  #complain(error: unknown): void {
    this.#options.log.error('the manifests of static pods cannot be read', { path: this.#options.path, error });
  }
}
