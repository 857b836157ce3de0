/**
 * The form of a backup: one gzipped tar that any tar can show, `manifest.json` first, then the files of the home that it names.
 *
 * ```
 *  manifest.json           format, version, when, of which cluster; each file with its size and SHA-256
 *  state.db                the snapshot of all objects; Secrets in it are sealed
 *  encryption.yaml …       what opens and signs: whoever has the backup has the cluster
 * ```
 * Kept true: a backup stands under its name only when it is whole and on disk; what is read lands in a folder of its own, and only under names
 * that this file knows; nothing counts as read before all sizes and digests are right.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, statSync } from 'node:fs';
import { chmod, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { extract, type Header, pack } from 'tar-stream';
import { limits } from '../../lib/limits.ts';
import { UserError } from '../user-error.ts';

/** Raised where an older naru could not restore it. */
export const backupFormat = 1;

export interface BackupFile {
  /** In the home, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface BackupManifest {
  readonly format: number;
  /** Of naru. */
  readonly version: string;
  readonly time: string;
  /** Of the state. */
  readonly revision: number;
  readonly objects: number;
  readonly nodeName: string;
  /** Tells the machine again without saying which it is. */
  readonly machine: string;
  readonly home: string;
  /** Volumes of this machine, whose content is not here. */
  readonly volumes: readonly string[];
  readonly files: readonly BackupFile[];
}

/** Nothing else is ever written by a restore. */
const restorable =
  /^(state\.db|encryption\.yaml|service-accounts\.key|settings\.json|registries\.yaml|certificates\/[\w-][\w.-]*)$/;
const manifestName = 'manifest.json';
const manifestBytesMax = 1024 * 1024;
const filesMax = 1000;

export interface BackupSource extends BackupFile {
  /** Where its bytes are now. */
  readonly from: string;
}

export async function describeFile(name: string, from: string): Promise<BackupSource> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(from) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { path: name, bytes, sha256: hash.digest('hex'), from };
}

/** To a file that is not there yet, or with `-` to standard output. */
export async function writeBackup(
  target: string,
  manifest: BackupManifest,
  sources: readonly BackupSource[],
): Promise<void> {
  if (target === '-') return pipeline(entriesOf(manifest, sources), createGzip(), process.stdout, { end: false });
  const partial = `${target}.partial`;
  try {
    // A file of our own: in a folder for all, somebody else may hold one of this name open, or a link.
    await rm(partial, { force: true });
    await pipeline(
      entriesOf(manifest, sources),
      createGzip(),
      createWriteStream(partial, { mode: 0o600, flags: 'wx' }),
    );
    await chmod(partial, 0o600);
    const handle = await open(partial, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function entriesOf(manifest: BackupManifest, sources: readonly BackupSource[]): Readable {
  const archive = pack();
  const time = new Date(manifest.time);
  const add = async (): Promise<void> => {
    const text = `${JSON.stringify({ ...manifest, files: sources.map(({ from: _from, ...file }) => file) }, undefined, 2)}\n`;
    archive.entry({ name: manifestName, mode: 0o600, mtime: time }, text);
    for (const { path: name, bytes, from } of sources) {
      const entry = archive.entry({ name, mode: 0o600, mtime: time, size: bytes });
      await pipeline(createReadStream(from, { end: Math.max(0, bytes - 1) }), entry as unknown as Writable);
    }
    archive.finalize();
  };
  // tar-stream's streams are no Node streams by type, but serve as such.
  const stream = archive as unknown as Readable;
  add().catch((error: unknown) => stream.destroy(error as Error));
  return Readable.from(stream);
}

/**
 * Reads a backup (a file, or with `-` standard input) into `folder`, which must be empty, and checks it.
 * @throws UserError that says what is wrong with it
 */
export async function readBackup(source: string, folder: string): Promise<BackupManifest> {
  const reader = new BackupReader(source, folder);
  const archive = extract();
  archive.on('entry', (header, stream, next) => {
    reader.take(header, stream as unknown as Readable).then(() => next(), next);
  });
  const input = source === '-' ? process.stdin : createReadStream(source);
  try {
    await pipeline(input, createGunzip(), archive as unknown as Writable);
  } catch (error) {
    throw unreadable(source, error);
  }
  return reader.finish();
}

function unreadable(source: string, error: unknown): Error {
  if (error instanceof UserError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UserError(`there is no backup ${source}`);
  if (code === 'EACCES' || code === 'EISDIR') return new UserError(`the backup ${source} cannot be read (${code})`);
  if (code === 'ENOSPC') return new UserError('there is no room on the disk to unpack the backup; free some space');
  return new UserError(
    `${source} is no backup that naru made, or it is cut off or damaged (${message}); take another copy of it`,
  );
}

class BackupReader {
  readonly #source: string;
  readonly #folder: string;
  readonly #found = new Set<string>();
  #manifest: BackupManifest | undefined;

  constructor(source: string, folder: string) {
    this.#source = source;
    this.#folder = folder;
  }

  async take({ name, type, size }: Header, stream: Readable): Promise<void> {
    if (this.#manifest === undefined) {
      if (name !== manifestName || size > manifestBytesMax) throw this.#problem('it does not begin with a manifest');
      this.#manifest = this.#checked(Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString());
      return;
    }
    const wanted = this.#manifest.files.find((file) => file.path === name);
    if (type !== 'file' || wanted === undefined || this.#found.has(name) || size !== wanted.bytes) {
      throw this.#problem(`its entry "${name}" is not as its manifest says`);
    }
    await this.#unpack(wanted, stream);
    this.#found.add(name);
  }

  async #unpack({ path: name, sha256 }: BackupFile, stream: Readable): Promise<void> {
    const target = path.join(this.#folder, name);
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(stream, hashing, createWriteStream(target, { mode: 0o600, flags: 'wx', flush: true }));
    if (hash.digest('hex') !== sha256) throw this.#problem(`its file ${name} is not what was written`);
  }

  finish(): BackupManifest {
    if (this.#manifest === undefined) throw this.#problem('it is empty');
    const missing = this.#manifest.files.find(({ path: name }) => !this.#found.has(name));
    if (missing !== undefined) throw this.#problem(`its file ${missing.path} is missing`);
    return this.#manifest;
  }

  #checked(text: string): BackupManifest {
    let manifest: Partial<BackupManifest>;
    try {
      manifest = JSON.parse(text) as Partial<BackupManifest>;
    } catch {
      throw this.#problem('its manifest is not JSON');
    }
    const { format, version = 'unknown', files } = manifest;
    if (typeof format === 'number' && format > backupFormat) {
      throw new UserError(
        `the backup ${this.#source} was made by a newer naru (${version}, form ${format}; this one knows ${backupFormat}); restore it with that one`,
      );
    }
    const whole = { ...emptyManifest, ...manifest };
    if (format !== backupFormat || !isFileList(files) || !hasPlainFacts(whole)) {
      throw this.#problem('its manifest makes no sense');
    }
    if (!files.some((file) => file.path === 'state.db')) throw this.#problem('it holds no state');
    return { ...whole, files };
  }

  #problem(what: string): UserError {
    return new UserError(`${this.#source} cannot be restored: ${what}; take another copy of it`);
  }
}

const emptyManifest: BackupManifest = {
  format: backupFormat,
  version: 'unknown',
  time: '',
  revision: 0,
  objects: 0,
  nodeName: '',
  machine: '',
  home: '',
  volumes: [],
  files: [],
};

/** What is told of it, and reckoned with. */
function hasPlainFacts({
  version,
  time,
  nodeName,
  machine,
  home,
  volumes,
  revision,
  objects,
}: BackupManifest): boolean {
  const isWord = (text: unknown): boolean => typeof text === 'string' && !/\p{Cc}/u.test(text);
  return (
    [version, time, nodeName, machine, home].every(isWord) &&
    Array.isArray(volumes) &&
    volumes.every(isWord) &&
    [revision, objects].every((count) => Number.isSafeInteger(count) && count >= 0)
  );
}

function isFileList(files: unknown): files is readonly BackupFile[] {
  return (
    Array.isArray(files) &&
    files.length <= filesMax &&
    files.every((file: Partial<BackupFile> | null) => {
      const { path: name, bytes, sha256 } = file ?? {};
      const isSize = Number.isSafeInteger(bytes) && (bytes ?? -1) >= 0 && (bytes ?? 0) <= limits.stateFileBytesMax;
      return typeof name === 'string' && restorable.test(name) && isSize && /^[0-9a-f]{64}$/.test(String(sha256));
    })
  );
}

/** How many bytes a restore needs for a while. */
export const unpackedBytes = ({ files }: BackupManifest): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

export const sizeText = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
