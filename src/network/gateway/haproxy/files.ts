/**
 * The folder of HAProxy's files (0700, files 0600):
 *
 * ```
 *   current → 17      the configuration in force, and the one that the next start takes
 *   16/ 17/           haproxy.cfg, maps, certificates, … : one folder for each reload
 *   changing          there while files and process may differ
 *   haproxy.pid  haproxy.log  access.log  haproxy.sock
 *   key               by which workers know each other
 * ```
 * A folder is written whole before anything names it. Between reloads files in it change with the process.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, readlink, rename, rm, symlink, truncate } from 'node:fs/promises';
import path from 'node:path';
import { writePrivateFile } from '../../../lib/private-file.ts';
import { alertsIn } from './program.ts';
import { allFiles, configName, listenersName, type Rendering, socketName } from './rendering.ts';

/** A socket's path is 108 bytes at most, and HAProxy makes a longer name on the way. */
const socketPathMax = 90;

export class HaproxyFiles {
  readonly folder: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly logFile: string;
  readonly accessLogFile: string;
  /** What HAProxy is started with. */
  readonly config: string;

  /** @throws Error where the folder's path is too long for a socket in it */
  constructor(folder: string) {
    this.folder = folder;
    this.socket = path.join(folder, socketName);
    this.pidFile = path.join(folder, 'haproxy.pid');
    this.logFile = path.join(folder, 'haproxy.log');
    this.accessLogFile = path.join(folder, 'access.log');
    this.config = path.join(folder, 'current', configName);
    if (Buffer.byteLength(this.socket) > socketPathMax)
      throw new Error(`${folder} is too long a path for HAProxy's socket; choose a home with a shorter one`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  async write(name: string, files: ReadonlyMap<string, string>): Promise<string> {
    const folder = path.join(this.folder, name);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { mode: 0o700 });
    for (const [file, text] of files) await writePrivateFile(path.join(folder, file), text);
    return path.join(folder, configName);
  }

  async remove(name: string): Promise<void> {
    await rm(path.join(this.folder, name), { recursive: true, force: true });
  }

  /** Made at the first use, and the same from then on. */
  async handoverKey(): Promise<string> {
    const file = path.join(this.folder, 'key');
    const kept = await readFile(file, 'utf8').catch(() => '');
    if (/^[0-9a-f]{32}$/.test(kept)) return kept;
    const key = randomBytes(16).toString('hex');
    await writePrivateFile(file, key);
    return key;
  }

  /** The next start or reload takes this one. */
  async makeCurrent(generation: number): Promise<void> {
    const link = path.join(this.folder, 'current');
    await rm(`${link}.new`, { force: true });
    await symlink(String(generation), `${link}.new`);
    await rename(`${link}.new`, link);
  }

  async currentGeneration(): Promise<number | undefined> {
    const target = await readlink(path.join(this.folder, 'current')).catch(() => '');
    return /^\d+$/.test(target) ? Number(target) : undefined;
  }

  /** Where the configuration listens, as `listenerText` writes it. */
  async listening(generation: number): Promise<readonly string[]> {
    const file = path.join(this.folder, String(generation), listenersName);
    return (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  }

  /** HAProxy's complaints since then. */
  async lastWords(logOffset: number): Promise<string> {
    return alertsIn(await this.#wordsSince(logOffset))
      .join(' ')
      .slice(0, 2000);
  }

  /** Whether its master has given up a reload; it serves on as before. */
  async hasFailed(logOffset: number): Promise<boolean> {
    return /Loading failure|Failed to load worker/.test(await this.#wordsSince(logOffset));
  }

  async #wordsSince(logOffset: number): Promise<string> {
    const text = await readFile(this.logFile).catch(() => Buffer.alloc(0));
    return text.subarray(Math.min(logOffset, text.length)).toString('utf8');
  }

  /** Those before `generation` but one: it may still be wanted. */
  async removeOlder(generation: number): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (/^\d+$/.test(name) && Number(name) < generation - 1) await this.remove(name);
    }
  }

  /** Brings the files in force to what the process is told meanwhile. A crash in between is seen: `isChanging`. */
  async update(generation: number, before: Rendering, after: Rendering, tell: () => Promise<void>): Promise<void> {
    await writePrivateFile(path.join(this.folder, 'changing'), '');
    const old = allFiles(before, generation);
    for (const [file, text] of allFiles(after, generation)) {
      if (old.get(file) !== text) await writePrivateFile(path.join(this.folder, String(generation), file), text);
    }
    await tell();
    await this.remove('changing');
  }

  /** Whether what is in force is this, in the files and, as far as they tell, in the process. */
  async holds(rendering: Rendering, generation: number): Promise<boolean> {
    if ((await readFile(path.join(this.folder, 'changing')).catch(() => undefined)) !== undefined) return false;
    for (const [file, text] of allFiles(rendering, generation)) {
      const found = await readFile(path.join(this.folder, String(generation), file), 'utf8').catch(() => undefined);
      if (found !== text) return false;
    }
    return true;
  }
}

/**
 * Keeps a log as `.1`, and goes on with an empty one. HAProxy keeps the file open and appends: it is copied and cut. What is written in between is lost; and
 * all of it is, where there is no room for a copy: a full disk is not filled further.
 * @throws Error where it could not be kept
 */
export async function turnLog(file: string): Promise<void> {
  const copy = `${file}.new`;
  try {
    await copyFile(file, copy);
    await rename(copy, `${file}.1`);
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  } finally {
    await truncate(file, 0);
  }
}
