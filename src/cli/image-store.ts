/** `naru image list`, `pull`, `remove` and `export`: what is done with the images of this machine's node. */
import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { defaultSearchPath, findPrograms } from '../agent/containerd/machine.ts';
import { containerdPaths } from '../agent/containerd/paths.ts';
import { mountedImageIds } from '../agent/images/image-mounts.ts';
import { fittingEntries } from '../agent/images/keyring.ts';
import { credentialFiles, imageVolumeNotes } from '../agent/images/node-images.ts';
import { nodeCredentialFiles } from '../agent/images/pull-credentials.ts';
import type { ImageStatus, RegistryCredentials, Runtime } from '../agent/runtime.ts';
import type { Home } from '../home.ts';
import { pauseImageName } from '../images/pause-image.ts';
import { normalizeImageName } from '../images/reference.ts';
import { withRuntime } from './image.ts';
import { UserError } from './user-error.ts';

const run = promisify(execFile);
const exportMsMax = 60 * 60_000;

export async function list(home: Home, options: { readonly output?: 'json' }): Promise<void> {
  const images = await withRuntime(home, (runtime) => runtime.images());
  if (options.output === 'json') {
    console.log(JSON.stringify(images.toSorted(byName).map(shown), undefined, 2));
    return;
  }
  for (const line of table(images)) console.log(line);
}

function shown({ id, tags, digests, sizeBytes }: ImageStatus): object {
  return { id, names: tags, digests, sizeBytes };
}

const nameOf = ({ tags, digests, id }: ImageStatus): string => tags[0] ?? digests[0] ?? id;

function byName(a: ImageStatus, b: ImageStatus): number {
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** A line for each name. */
export function table(images: readonly ImageStatus[]): readonly string[] {
  const rows = images.toSorted(byName).flatMap((image) => {
    const { tags, id, sizeBytes } = image;
    const names = tags.length > 0 ? tags : [nameOf(image)];
    return names.map((name) => [name, id.replace(/^sha256:/, '').slice(0, 12), mebibytes(sizeBytes)]);
  });
  const all = [['IMAGE', 'ID', 'SIZE'], ...rows];
  const width = Math.max(...all.map(([name = '']) => name.length));
  return all.map(([name = '', id = '', size = '']) => `${name.padEnd(width)}  ${id.padEnd(12)}  ${size}`);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

export interface PullCommandOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

export async function pull(home: Home, names: readonly string[], options: PullCommandOptions): Promise<void> {
  const given = await givenCredentials(options);
  const wanted = names.map(normalizeImageName);
  await withRuntime(home, async (runtime) => {
    for (const name of wanted) {
      const image = await runtime.imageStatus(await pullOne(home, runtime, name, given));
      console.log(`pulled ${name} (${mebibytes(image?.sizeBytes ?? 0)})`);
    }
  });
}

async function givenCredentials(options: PullCommandOptions): Promise<RegistryCredentials | undefined> {
  const { username, passwordStdin = false } = options;
  if ((username === undefined) === passwordStdin) {
    throw new UserError('--username and --password-stdin go together: echo PASSWORD | naru image pull … ');
  }
  if (username === undefined) return undefined;
  return { username, password: (await text(process.stdin)).replace(/\r?\n$/, '') };
}

/** Resolves with the image's id. @throws UserError with the registry's reason */
export async function pullOne(
  home: Home,
  runtime: Runtime,
  name: string,
  given?: RegistryCredentials,
): Promise<string> {
  const known = await nodeCredentialFiles(credentialFiles(home.node)).entries();
  const fitting = given === undefined ? fittingEntries(known, name).map(({ credentials }) => credentials) : [given];
  let problem = '';
  for (const credentials of fitting.length === 0 ? [undefined] : fitting) {
    try {
      return await runtime.pullImage(name, credentials);
    } catch (error) {
      problem = (error as Error).message;
    }
  }
  throw new UserError(`${name} cannot be pulled: ${problem}`);
}

export async function remove(
  home: Home,
  names: readonly string[],
  options: { readonly force?: boolean },
): Promise<void> {
  await withRuntime(home, async (runtime) => {
    const images = await Promise.all(names.map((name) => mustFind(runtime, name)));
    const shownByVolumes = await mountedImageIds(imageVolumeNotes(home.node));
    const { containers } = await runtime.state();
    for (const image of images) {
      if (image.tags.includes(pauseImageName)) throw new UserError(`every pod needs ${pauseImageName}; it stays`);
      const own = new Set([image.id, ...image.tags, ...image.digests]);
      const users = containers.filter((one) => own.has(one.imageRef) || own.has(one.image));
      if (!options.force)
        refuseUsed(
          image,
          users.map(({ pod, name }) => `${pod.namespace}/${pod.name} (${name})`),
          shownByVolumes,
        );
    }
    for (const image of images) {
      await runtime.removeImage(image.id);
      for (const name of image.tags.length > 0 ? image.tags : [nameOf(image)]) console.log(`removed ${name}`);
    }
  });
}

function refuseUsed(image: ImageStatus, users: readonly string[], shownByVolumes: ReadonlySet<string>): void {
  const others = shownByVolumes.has(image.id) ? ['a volume of a pod'] : [];
  const all = [...users, ...others];
  if (all.length === 0) return;
  const first = all.slice(0, 3).join(', ');
  const more = all.length > 3 ? ` and ${all.length - 3} more` : '';
  throw new UserError(`${nameOf(image)} is used by ${first}${more}; they go on without it: remove it with --force`);
}

/** @throws UserError where it is not there */
async function mustFind(runtime: Runtime, name: string): Promise<ImageStatus> {
  const isId = /^(sha256:)?[0-9a-f]{12,64}$/.test(name);
  const found = isId ? await byId(runtime, name) : await runtime.imageStatus(normalizeImageName(name));
  if (found !== undefined) return found;
  throw new UserError(`there is no image ${name} on this machine; naru image list shows those that are`);
}

async function byId(runtime: Runtime, id: string): Promise<ImageStatus | undefined> {
  const digits = id.replace(/^sha256:/, '');
  const fitting = (await runtime.images()).filter((image) => image.id.startsWith(`sha256:${digits}`));
  if (fitting.length > 1) throw new UserError(`${id} begins the ids of ${fitting.length} images; write more of it`);
  return fitting[0];
}

export async function exportImages(
  home: Home,
  names: readonly string[],
  options: { readonly output: string },
): Promise<void> {
  const isStandardOutput = options.output === '-';
  if (isStandardOutput && process.stdout.isTTY) {
    throw new UserError('an archive is nothing for a terminal; name a file with --output, or send it on to a program');
  }
  const images = await withRuntime(home, (runtime) => Promise.all(names.map((name) => mustFind(runtime, name))));
  const references = images.map((image, index) => exportedName(image, names[index] ?? ''));
  if (isStandardOutput) {
    await exportTo(home, references, '/proc/self/fd/1');
    return;
  }
  const output = path.resolve(options.output);
  try {
    await exportTo(home, references, `${output}.new`);
    await rename(`${output}.new`, output);
  } finally {
    await rm(`${output}.new`, { force: true });
  }
  for (const reference of references) console.log(`exported ${reference}`);
}

/** The name that was asked for, where it is one; an id has the first of its image's names. */
function exportedName(image: ImageStatus, asked: string): string {
  const known = [...image.tags, ...image.digests];
  const wanted = /^(sha256:)?[0-9a-f]{12,64}$/.test(asked) ? undefined : normalizeImageName(asked);
  return known.find((name) => name === wanted) ?? nameOf(image);
}

/** By ctr, which comes with containerd: the CRI has no way to do it. */
export async function exportTo(home: Home, references: readonly string[], file: string): Promise<void> {
  const { ctr } = await findPrograms(defaultSearchPath());
  const args = ['--address', containerdPaths(home.root).address, '--namespace', 'k8s.io', 'images', 'export'];
  try {
    await run(ctr, [...args, file, ...references], { timeout: exportMsMax });
  } catch (error) {
    const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
    throw new UserError(`${references.join(', ')} cannot be exported: ${stderr?.trim() || message}`);
  }
}
