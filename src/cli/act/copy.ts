/**
 * `naru cp`: files and folders into a container and out of it, by the `tar` that the container must have.
 *
 * Kept true: nothing is written outside the goal, whatever the container sends; symbolic links that come out of it are left out, and said; a
 * file that was not copied wholly makes the command fail.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header, pack } from 'tar-stream';
import type { Home } from '../../home.ts';
import { harmlessLine } from '../../lib/harmless.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { type CopyPlace, parsePlace, placeWithin } from './copy-places.ts';
import { chooseContainer, findPod } from './pods-of.ts';
import { type CommandEnd, startRemoteCommand } from './remote/remote-command.ts';

export interface CopyOptions extends ConnectionOptions {
  readonly container?: string;
}

type PodPlace = Extract<CopyPlace, { readonly kind: 'pod' }>;

export async function copy(home: Home, source: string, goal: string, options: CopyOptions): Promise<void> {
  const [from, to] = [parsePlace(source), parsePlace(goal)];
  if (from.kind === to.kind) {
    throw new UsageError(
      from.kind === 'pod'
        ? 'from pod to pod is not possible: copy to this machine first'
        : 'one of both must be in a pod: [NAMESPACE/]POD:PATH',
    );
  }
  const inPod = (from.kind === 'pod' ? from : to) as PodPlace;
  const namespace = inPod.namespace ?? options.namespace;
  await withApi(home, { ...options, ...(namespace !== undefined && { namespace }) }, async (connection) => {
    const container = await ContainerFiles.find(connection, inPod.pod, options.container);
    if (to.kind === 'pod') await upload((from as { readonly path: string }).path, container, to.path);
    else await download(container, inPod.path, to.path);
  });
}

/** Programs in the container, for their effect or their output. */
class ContainerFiles {
  readonly #connection: Connection;
  readonly #pod: string;
  readonly #container: string;

  static async find(connection: Connection, name: string, wanted: string | undefined): Promise<ContainerFiles> {
    const pod = await findPod(connection, name);
    const { name: container } = chooseContainer(pod, wanted);
    return new ContainerFiles(connection, pod.metadata?.name ?? name, container);
  }

  private constructor(connection: Connection, pod: string, container: string) {
    this.#connection = connection;
    this.#pod = pod;
    this.#container = container;
  }

  /** What the program said on standard error comes with its end. */
  async run(
    command: readonly string[],
    streams: { readonly stdin?: Readable; readonly stdout?: Writable } = {},
  ): Promise<{ readonly end: CommandEnd; readonly errors: string }> {
    const { config, clock, namespace } = this.#connection;
    const errors = new TextSink();
    const started = await startRemoteCommand({
      config,
      clock,
      namespace,
      pod: this.#pod,
      container: this.#container,
      command,
      stderr: errors,
      stdout: new TextSink(),
      ...streams,
    });
    return { end: await started.ended, errors: errors.text.trim() };
  }

  async must(
    command: readonly string[],
    streams: { readonly stdin?: Readable; readonly stdout?: Writable } = {},
  ): Promise<void> {
    const { end, errors } = await this.run(command, streams);
    if (end.kind === 'exited' && end.exitCode === 0) return;
    const why = errors || (end.kind === 'failed' ? end.message : `tar ended with ${end.exitCode}`);
    const hint = /not found|no such file.*tar|executable file/i.test(why)
      ? ' (cp needs the program tar in the container)'
      : '';
    throw new UserError(`pod ${this.#pod}, container ${this.#container}: ${why}${hint}`);
  }

  async isFolder(where: string): Promise<boolean> {
    const { end } = await this.run(['test', '-d', where]);
    return end.kind === 'exited' && end.exitCode === 0;
  }
}

/** The first of what comes: for people. */
class TextSink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.text.length < 4096) this.text += chunk.toString();
    done();
  }
}

async function upload(source: string, container: ContainerFiles, goal: string): Promise<void> {
  const found = await stat(source).catch(() => {
    throw new UserError(`there is no ${source} on this machine`);
  });
  const into = goal.endsWith('/') || (await container.isFolder(goal));
  const folder = into ? goal : path.posix.dirname(goal);
  const name = into ? path.basename(path.resolve(source)) : path.posix.basename(goal);
  const archive = pack();
  // tar-stream's streams are no Node streams by type, but serve as such.
  const stdin = (archive as unknown as Readable).pipe(new PassThrough());
  const packing = (async () => {
    if (found.isDirectory()) await packFolder(archive, source, name);
    else await packFile(archive, source, name);
    archive.finalize();
  })();
  packing.catch((error: Error) => stdin.destroy(error));
  const unpacking = container.must(['tar', '-xmf', '-', '-C', folder], { stdin });
  const [packed, unpacked] = await Promise.allSettled([packing, unpacking]);
  if (packed.status === 'rejected') throw packed.reason;
  if (unpacked.status === 'rejected') throw unpacked.reason;
}

type Archive = ReturnType<typeof pack>;

async function packFolder(archive: Archive, folder: string, name: string): Promise<void> {
  const { mode, mtime } = await lstat(folder);
  await add(archive, { name: `${name}/`, type: 'directory', mode: mode & 0o7777, mtime });
  for (const entry of (await readdir(folder)).toSorted()) {
    const [from, to] = [path.join(folder, entry), `${name}/${entry}`];
    const found = await lstat(from);
    if (found.isDirectory()) await packFolder(archive, from, to);
    else if (found.isSymbolicLink()) {
      await add(archive, { name: to, type: 'symlink', linkname: await readlink(from), mtime: found.mtime });
    } else if (found.isFile()) await packFile(archive, from, to);
    else process.stderr.write(`left out: ${from} is no file, folder or link\n`);
  }
}

async function packFile(archive: Archive, file: string, name: string): Promise<void> {
  const { mode, mtime, size } = await stat(file);
  const entry = archive.entry({ name, mode: mode & 0o7777, mtime, size });
  // One that grows while it is read is copied as long as it was.
  const bytes = size === 0 ? Readable.from([]) : createReadStream(file, { end: size - 1 });
  await pipeline(bytes, entry as unknown as Writable);
}

function add(archive: Archive, headers: Partial<Header> & Pick<Header, 'name'>): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(headers, (error) => (error ? reject(error) : resolve()));
  });
}

async function download(container: ContainerFiles, source: string, goal: string): Promise<void> {
  const isFolderHere = await stat(goal).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const archive = extract();
  const stdout = new PassThrough();
  const unpacking = (async () => {
    let count = 0;
    for await (const entry of archive) {
      const headers = entry.header;
      const within = placeWithin(headers.name, source);
      // A single file goes into a folder that is there; what is in a folder goes into the one that is named.
      const rest =
        within === '' && headers.type === 'file' && (isFolderHere || goal.endsWith('/'))
          ? path.posix.basename(source)
          : within;
      if (rest === undefined)
        throw new UserError(`the container sent ${headers.name}, which is not in ${source}: nothing more was taken`);
      await writeEntry(entry as unknown as Readable, headers, path.join(goal, rest));
      if (headers.type !== 'symlink') count++;
    }
    return count;
  })();
  stdout.pipe(archive as unknown as Writable);
  unpacking.catch(() => stdout.destroy());
  const sending = container.must(['tar', 'cf', '-', source], { stdout }).finally(() => stdout.end());
  const [sent, unpacked] = await Promise.allSettled([sending, unpacking]);
  if (unpacked.status === 'rejected' && unpacked.reason instanceof UserError) throw unpacked.reason;
  if (sent.status === 'rejected') throw sent.reason;
  if (unpacked.status === 'rejected') throw unpacked.reason;
  if (unpacked.value === 0) throw new UserError(`nothing came of ${source}: is it a link? Copy what it leads to`);
}

async function writeEntry(bytes: Readable, { type, mode, name, size }: Header, goal: string): Promise<void> {
  if (type === 'directory') {
    await mkdir(goal, { recursive: true });
  } else if (type === 'file' || type === 'contiguous-file') {
    await mkdir(path.dirname(goal), { recursive: true });
    // Never through a link that is there already.
    const there = await lstat(goal).catch(() => undefined);
    if (there?.isSymbolicLink() === true) await rm(goal);
    await pipeline(bytes, createWriteStream(goal, { mode: (mode ?? 0o644) & 0o777 }));
    const { size: written } = await stat(goal);
    if (size !== undefined && written !== size) throw new UserError(`${goal}: ${written} of ${size} bytes came`);
    return;
  } else {
    process.stderr.write(`left out: ${harmlessLine(name)} (${type})\n`);
  }
  bytes.resume();
}
