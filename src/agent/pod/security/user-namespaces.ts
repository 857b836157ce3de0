/**
 * Users of a pod's own (`hostUsers: false`): each such pod gets 65536 ids of the host that no other pod has, so that root in the pod is
 * nobody outside. Who has which is on disk before the runtime hears of it, a file a pod: an agent that starts anew must not give the ids of
 * a pod that runs to another.
 *
 * Runtimes that cannot do it ignore it in silence, which would run the pod as the host's root: they are asked first.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import { replacePrivateFile } from '../../../lib/private-file.ts';
import { noFeatures, type Runtime, type SandboxConfig } from '../../runtime.ts';
import type { PodHook } from '../pod-hook.ts';

export interface UserNamespaceOptions {
  readonly runtime: Pick<Runtime, 'info'>;
  /** The pod's runtime handler; the empty one is the default. */
  readonly handlerOf: (pod: Pod) => string;
  /** Where it is written down; absent: nowhere, as on simulated nodes. */
  readonly folder?: string;
  readonly podsMax: number;
}

/** The ids of one pod: as many as programs expect to find. */
const idsPerPod = 65_536;
const firstIdCharsMax = 20;

export class UserNamespaces implements PodHook {
  readonly name = 'user namespace';
  readonly #options: UserNamespaceOptions;
  /** The first id of the host, by pod uid; read from disk when it is first asked for. */
  #firstIds: Map<string, number> | undefined;

  constructor(options: UserNamespaceOptions) {
    this.#options = options;
  }

  async prepare(pod: Pod): Promise<void> {
    if (pod.spec?.hostUsers !== false) return;
    await this.#checkRuntime(pod);
    this.#take(pod.metadata?.uid ?? '');
  }

  sandbox(config: SandboxConfig, pod: Pod): SandboxConfig {
    if (pod.spec?.hostUsers !== false) return config;
    const hostId = this.#read().get(config.pod.uid);
    if (hostId === undefined) return config;
    return { ...config, userNamespace: { hostId, containerId: 0, length: idsPerPod } };
  }

  async cleanUp(uid: string): Promise<void> {
    // Nothing was asked of it since the start, and there is nothing to read.
    if (this.#firstIds === undefined && this.#options.folder === undefined) return;
    const firstIds = this.#read();
    if (!firstIds.has(uid)) return;
    if (this.#options.folder !== undefined) rmSync(path.join(this.#options.folder, uid), { force: true });
    firstIds.delete(uid);
  }

  uids(): readonly string[] {
    return [...this.#read().keys()];
  }

  async #checkRuntime(pod: Pod): Promise<void> {
    const handler = this.#options.handlerOf(pod);
    const info = await this.#options.runtime.info();
    const features = handler === '' ? info.features : info.handlers?.find(({ name }) => name === handler)?.features;
    if ((features ?? noFeatures).userNamespaces) return;
    const who = handler === '' ? 'runtime does' : `RuntimeClass handler "${handler}" does`;
    throw new Error(`can't set \`spec.hostUsers: false\`, ${who} not support user namespaces`);
  }

  #take(uid: string): void {
    const firstIds = this.#read();
    if (!Number.isNaN(firstIds.get(uid) ?? Number.NaN)) return;
    for (const [owner, first] of firstIds) if (Number.isNaN(first)) throw this.#unreadable(owner);
    const taken = new Set(firstIds.values());
    for (let slot = 1; slot <= this.#options.podsMax; slot++) {
      const first = slot * idsPerPod;
      if (taken.has(first)) continue;
      this.#write(uid, first);
      firstIds.set(uid, first);
      return;
    }
    throw new Error('could not find an empty slot to allocate a user namespace');
  }

  /** Any ids may be those that are written there. */
  #unreadable(uid: string): Error {
    const file = path.join(this.#options.folder ?? '', uid);
    return new Error(
      `the ids of pod ${uid} cannot be read from ${file}: remove that file when nothing of the pod runs`,
    );
  }

  #write(uid: string, first: number): void {
    const { folder } = this.#options;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    replacePrivateFile(path.join(folder, uid), `${first}\n`);
  }

  #read(): Map<string, number> {
    this.#firstIds ??= readFolder(this.#options.folder);
    return this.#firstIds;
  }
}

function readFolder(folder: string | undefined): Map<string, number> {
  const found = new Map<string, number>();
  if (folder === undefined) return found;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return found;
    throw error;
  }
  for (const name of names.filter((one) => !one.endsWith('.new'))) {
    const first = readFirstId(path.join(folder, name));
    const isFirst = Number.isSafeInteger(first) && first > 0 && first % idsPerPod === 0;
    found.set(name, isFirst ? first : Number.NaN);
  }
  return found;
}

function readFirstId(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').slice(0, firstIdCharsMax));
  } catch {
    return Number.NaN;
  }
}
