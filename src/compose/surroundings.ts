/** What a translation must know of this machine: what stands at bound paths, and a hash of the sources of images. */
import { createHash, type Hash } from 'node:crypto';
import path from 'node:path';
import { ManifestError } from '../manifests/source-object.ts';
import { type DockerIgnore, dockerIgnore } from './docker-ignore.ts';
import type { ComposeFiles, FileKind } from './files.ts';
import { isAddress } from './loading/paths.ts';
import { isBound } from './meaning/claims.ts';
import type { Surroundings } from './meaning/translation.ts';
import type { Build, Project } from './model.ts';

/** Beyond these a context is most likely the wrong folder. */
const filesMax = 50_000;
const fileBytesMax = 512 * 1024 * 1024;

/** @throws ManifestError where a context is missing */
export async function surroundingsOf(project: Project, files: ComposeFiles): Promise<Surroundings> {
  const kinds = new Map<string, FileKind | undefined>();
  const bound = [...project.services.values()].flatMap(({ volumes = [] }) =>
    volumes.flatMap(({ type, source }) => (type === 'bind' && source !== undefined ? [source] : [])),
  );
  const devices = [...project.volumes.values()].flatMap((volume) => isBound(volume) ?? []);
  for (const each of [...bound, ...devices]) kinds.set(each, await files.kindOf(each));
  const sources = new Map<string, string>();
  const byBuild = new Map<string, string>();
  for (const [name, { build, image }] of project.services) {
    // A name of its own says nothing of the content, and need not be read for.
    if (build === undefined || image !== undefined || isAddress(build.context)) continue;
    const key = JSON.stringify(build);
    const hash = byBuild.get(key) ?? (await sourceHash(build, `${project.file}: services.${name}.build`, files));
    byBuild.set(key, hash);
    sources.set(name, hash);
  }
  return { kinds, sources };
}

async function sourceHash(build: Build, where: string, files: ComposeFiles): Promise<string> {
  const { context, dockerfile = 'Dockerfile', target, args } = build;
  if ((await files.kindOf(context)) !== 'folder') throw new ManifestError(`${where}.context: ${context} is no folder`);
  const hash = createHash('sha256').update(JSON.stringify([dockerfile, target ?? null, args ?? null]));
  // Wherever it is, and though it may be left out of the context.
  const file = path.resolve(context, dockerfile);
  if ((await files.kindOf(file)) === 'file') hash.update(await files.read(file, fileBytesMax));
  await addFolder(hash, context, '', await ignoreOf(context, files), files, { count: 0, where });
  return hash.digest('hex').slice(0, 12);
}

async function ignoreOf(context: string, files: ComposeFiles): Promise<DockerIgnore> {
  const file = path.join(context, '.dockerignore');
  const isThere = (await files.kindOf(file)) === 'file';
  return dockerIgnore(isThere ? (await files.read(file, fileBytesMax)).toString('utf8') : '');
}

interface Walk {
  count: number;
  readonly where: string;
}

async function addFolder(
  hash: Hash,
  root: string,
  below: string,
  ignore: DockerIgnore,
  files: ComposeFiles,
  walk: Walk,
): Promise<void> {
  for (const { name, kind } of await files.list(path.join(root, below))) {
    const relative = below === '' ? name : `${below}/${name}`;
    if (relative === '.git' || relative === 'node_modules' || ignore.leavesOut(relative)) continue;
    if (++walk.count > filesMax) {
      throw new ManifestError(
        `${walk.where}.context: ${root} holds more than ${filesMax} files; a .dockerignore leaves out what is not needed`,
      );
    }
    if (kind === 'folder') await addFolder(hash, root, relative, ignore, files, walk);
    else if (kind === 'file')
      hash
        .update(`${relative}\0`)
        .update(await files.read(path.join(root, relative), fileBytesMax))
        .update('\0');
    else hash.update(`${relative}\0${kind ?? ''}\0`);
  }
}
