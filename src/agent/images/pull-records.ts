/**
 * Who pulled which image, on disk, so that it is known after a restart, too (KEP-2535): `NODE/image_manager/pulled` has a file for each image
 * that the agent pulled, `pulling` one for each pull under way. The files hold hashes of credentials, never those themselves, and only the
 * owner may read them.
 *
 * Kept true: an image that the agent began to pull never counts as brought by somebody else, whenever the agent was killed; what cannot be
 * read counts as pulled with credentials that nobody knows.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, formatTime } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import {
  type AccessRecord,
  accessOf,
  type KnownSecret,
  mustVerify,
  type PulledRecord,
  repositoryOf,
  type VerificationPolicy,
  withAccess,
} from './pull-verification.ts';

export interface PullRecords {
  /** Before a pull. @throws Error where it cannot be noted: then nothing may be pulled */
  begin(image: string): Promise<void>;
  /** After it; `secret` undefined: without one of a pod. */
  pulled(image: string, imageId: string, secret: KnownSecret | undefined): Promise<void>;
  failed(image: string): Promise<void>;
  /** Whether the pod may use an image that is here; `secrets` is asked only where that matters. */
  mayUse(image: string, imageId: string, secrets: () => Promise<readonly KnownSecret[]>): Promise<boolean>;
  /** Forgets images that are gone, but not those noted since `sinceMs`. */
  prune(imageIds: ReadonlySet<string>, sinceMs: number): Promise<void>;
}

/** Every pod may use every image: for nodes without a disk. */
export const noPullRecords: PullRecords = {
  begin: () => Promise.resolve(),
  pulled: () => Promise.resolve(),
  failed: () => Promise.resolve(),
  mayUse: () => Promise.resolve(true),
  prune: () => Promise.resolve(),
};

export interface PullRecordsOptions {
  /** `NODE/image_manager` */
  readonly folder: string;
  readonly policy: VerificationPolicy;
  /** What is on the node, to find out about pulls that a killed agent began. */
  readonly images: () => Promise<
    readonly { readonly id: string; readonly tags: readonly string[]; readonly digests: readonly string[] }[]
  >;
  readonly clock: Clock;
  readonly log: Logger;
}

const apiVersion = 'kubelet.config.k8s.io/v1beta1';

export class PullRecordFiles implements PullRecords {
  readonly #options: PullRecordsOptions;
  /** By the name of their file. */
  readonly #records = new Map<string, PulledRecord>();
  /** Pulls under way, and those of which a killed agent left the note. */
  readonly #intents = new Map<string, number>();
  #loading: Promise<void> | undefined;
  #writes: Promise<unknown> = Promise.resolve();

  constructor(options: PullRecordsOptions) {
    this.#options = options;
  }

  async begin(image: string): Promise<void> {
    await this.#load();
    await this.#inTurn(async () => {
      const content = { kind: 'ImagePullIntent', apiVersion, image };
      await writePrivateFile(this.#pulling(image), JSON.stringify(content));
      this.#intents.set(image, (this.#intents.get(image) ?? 0) + 1);
    });
  }

  async pulled(image: string, imageId: string, secret: KnownSecret | undefined): Promise<void> {
    try {
      await this.#load();
      await this.#note(image, imageId, secret);
    } catch (error) {
      // The note of the pull stays, so that the next pod is verified.
      this.#options.log.error('who pulled an image could not be noted: it will be pulled again', { image, error });
      return;
    }
    await this.failed(image);
  }

  async failed(image: string): Promise<void> {
    await this.#inTurn(async () => {
      const left = (this.#intents.get(image) ?? 1) - 1;
      if (left > 0) {
        this.#intents.set(image, left);
        return;
      }
      this.#intents.delete(image);
      await fs.rm(this.#pulling(image), { force: true });
    }).catch((error: unknown) => {
      this.#options.log.warn('the note of a pull could not be removed', { image, error });
    });
  }

  async mayUse(image: string, imageId: string, secrets: () => Promise<readonly KnownSecret[]>): Promise<boolean> {
    await this.#load();
    const record = this.#records.get(nameOf(imageId));
    const pulledByAgent = record !== undefined || this.#intents.has(image);
    if (!mustVerify(this.#options.policy, image, pulledByAgent)) return true;
    const access = record?.credentialMapping[repositoryOf(image)];
    if (access === undefined) return false;
    if (access.nodePodsAccessible) return true;
    const { allowed, learn } = accessOf(access, await secrets());
    if (learn !== undefined) {
      await this.#note(image, imageId, learn).catch((error: unknown) => {
        this.#options.log.warn('another secret for an image could not be noted', { image, error });
      });
    }
    return allowed;
  }

  async prune(imageIds: ReadonlySet<string>, sinceMs: number): Promise<void> {
    await this.#load();
    const present = new Set([...imageIds].map(nameOf));
    await this.#inTurn(async () => {
      for (const [name, { lastUpdatedMs }] of this.#records) {
        if (present.has(name) || lastUpdatedMs >= sinceMs) continue;
        await fs.rm(path.join(this.#options.folder, 'pulled', name), { force: true });
        this.#records.delete(name);
      }
    });
  }

  #note(image: string, imageId: string, secret: KnownSecret | undefined | null): Promise<void> {
    return this.#inTurn(async () => {
      const name = nameOf(imageId);
      const before = this.#records.get(name);
      const record = withAccess(before, { image, imageRef: imageId, nowMs: this.#options.clock.now() }, secret);
      if (isDeepStrictEqual(before?.credentialMapping, record.credentialMapping)) return;
      await writePrivateFile(path.join(this.#options.folder, 'pulled', name), JSON.stringify(toFile(record)));
      this.#records.set(name, record);
    });
  }

  /** Files are written one after another: two writers of one would mix. */
  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#writes.then(write);
    this.#writes = turn.catch(() => undefined);
    return turn;
  }

  #load(): Promise<void> {
    this.#loading ??= this.#read().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #read(): Promise<void> {
    const { folder } = this.#options;
    const folders = ['pulling', 'pulled'].map((name) => path.join(folder, name));
    for (const each of [folder, ...folders]) await fs.mkdir(each, { recursive: true, mode: 0o700 });
    const [pulling = '', pulled = ''] = folders;
    for (const name of await recordNames(pulled)) {
      const record = fromFile(await readJson(path.join(pulled, name)));
      this.#records.set(name, record ?? { imageRef: '', lastUpdatedMs: 0, credentialMapping: {} });
    }
    for (const name of await recordNames(pulling)) {
      const { image } = (await readJson(path.join(pulling, name))) as { readonly image?: unknown };
      if (typeof image === 'string') this.#intents.set(image, 0);
      else await fs.rm(path.join(pulling, name), { force: true });
    }
    if (this.#intents.size > 0) await this.#settleIntents();
  }

  /** Pulls that ended while nobody was there to note it: how is not known, so the next pod that wants the image must pull. */
  async #settleIntents(): Promise<void> {
    const { images, log } = this.#options;
    const present = await images().catch((error: unknown) => {
      log.warn('images could not be listed: pulls of an earlier run stay open', { error });
      return [];
    });
    for (const image of this.#intents.keys()) {
      const names = spellings(image);
      const found = present.find(({ tags, digests }) => [...tags, ...digests].some((name) => names.has(name)));
      if (found === undefined) continue;
      await this.#note(image, found.id, null);
      this.#intents.delete(image);
      await fs.rm(this.#pulling(image), { force: true });
    }
  }

  #pulling(image: string): string {
    return path.join(this.#options.folder, 'pulling', nameOf(image));
  }
}

function nameOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('hex')}`;
}

/** As the pod writes it, and as runtimes list it. */
function spellings(image: string): ReadonlySet<string> {
  const repository = repositoryOf(image);
  const suffix = /(?::[^/:@]+)?(?:@.*)?$/.exec(image)?.[0] ?? '';
  return new Set([image, `${repository}${suffix || ':latest'}`]);
}

async function recordNames(folder: string): Promise<readonly string[]> {
  return (await fs.readdir(folder)).filter((name) => /^sha256-[0-9a-f]{64}$/.test(name));
}

async function readJson(file: string): Promise<object> {
  try {
    const value: unknown = JSON.parse(await fs.readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function toFile({ imageRef, lastUpdatedMs, credentialMapping }: PulledRecord): object {
  const lastUpdatedTime = formatTime(lastUpdatedMs);
  return { kind: 'ImagePulledRecord', apiVersion, lastUpdatedTime, imageRef, credentialMapping };
}

function fromFile(value: object): PulledRecord | undefined {
  const { imageRef, lastUpdatedTime, credentialMapping } = value as {
    readonly imageRef?: unknown;
    readonly lastUpdatedTime?: unknown;
    readonly credentialMapping?: unknown;
  };
  if (typeof imageRef !== 'string' || typeof credentialMapping !== 'object' || credentialMapping === null) return;
  return {
    imageRef,
    lastUpdatedMs: Date.parse(String(lastUpdatedTime)) || 0,
    credentialMapping: credentialMapping as Readonly<Record<string, AccessRecord>>,
  };
}
