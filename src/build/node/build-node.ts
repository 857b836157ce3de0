/**
 * A Node.js application becomes an image, without Docker: packages exactly as the lock file says, the `build` script where there is one (its tools do not stay), three
 * layers, a plain start command, a user that is not root. The source folder is only read: npm works in a copy.
 *
 * The same source gives the same bytes. What is the same in the next build (runtime, packages) comes from the cache.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {
  type ImageConfig,
  type LayerEntry,
  type MadeLayer,
  writeImageArchive,
  writeLayer,
} from '../../images/archive-writer.ts';
import { architectureOf } from '../../images/platform.ts';
import type { BuildOptions, BuiltImage } from '../build.ts';
import { contextFiles, rulesOf } from '../context.ts';
import { LayerCache } from '../layer-cache.ts';
import { sourceDate } from '../source-date.ts';
import { makeWorkFolder } from '../work-folder.ts';
import {
  applicationFolder,
  applicationUser,
  codeEntries,
  dependencyEntries,
  hasPackages,
  runtimeEntries,
} from './layers.ts';
import { installPackages, pruneDevelopment, runBuildScript } from './npm.ts';
import { checkEngine, type LockFile, type PackageFile, readLockFile, readPackageFile } from './package-file.ts';
import { type StartCommand, startCommand } from './start-command.ts';

/** Where an application listens that asks `process.env.PORT`. */
export const usualPort = 8080;

/** Counted up when the same packages make another layer. */
const layersVersion = 1;

/** What one build has at hand. */
interface Build {
  readonly context: string;
  readonly file: PackageFile;
  readonly lock: LockFile | undefined;
  readonly options: BuildOptions;
  readonly cache: LayerCache;
  readonly date: Date;
  /** A folder of its own, removed afterwards. */
  readonly work: string;
}

/** @throws Error that says what is wrong with the source or the machine, and what to do */
export async function buildNode(
  context: string,
  name: string,
  archive: string,
  options: BuildOptions,
): Promise<BuiltImage> {
  const file = await readPackageFile(context);
  checkNode(file, options);
  const lock = await readLockFile(context, file);
  const work = await makeWorkFolder(options.cache);
  try {
    const cache = new LayerCache(options.cache, options.clock);
    const build = { context, file, lock, options, cache, date: sourceDate(), work };
    const source = file.scripts['build'] === undefined ? await plainSource(build) : await builtSource(build);
    const held = new Set(source.code.map((entry) => entry.path.slice(applicationFolder.length + 1)));
    const start = startCommand(file, (place) => held.has(place));
    const code = await writeLayer(source.code, path.join(work, 'code.tar'), build.date);
    const below = options.base?.layers ?? [await runtimeLayer(build)];
    const image = await writeImageArchive(
      {
        names: [name],
        architecture: architectureOf(process.arch),
        config: imageConfig(build, start),
        layers: [...below, ...source.packages, code],
        created: build.date,
      },
      archive,
    );
    const notes = [
      ...start.notes,
      ...(options.base?.notes ?? []),
      ...installNotes(lock),
      ...(await passedOver(context)),
    ];
    return { image, notes };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A base image says by NODE_VERSION which one it has, as Docker's official ones do; others are not asked. */
function checkNode(file: PackageFile, { base }: BuildOptions): void {
  const based = base?.config.Env?.find((entry) => entry.startsWith('NODE_VERSION='))?.slice('NODE_VERSION='.length);
  const version = base === undefined ? process.version : based;
  const wayOut =
    'name an image that has one with --base, such as docker.io/library/node:NUMBER-slim, or widen the range';
  if (version !== undefined) checkEngine(file, version, wayOut);
}

/** Only where no program can follow it does a folder with a Dockerfile come here. */
async function passedOver(context: string): Promise<string[]> {
  if (!(await readdir(context)).includes('Dockerfile')) return [];
  return [
    'made from package.json; its Dockerfile is for buildah, podman or docker, and none is there: apt-get install buildah',
  ];
}

function installNotes(lock: LockFile | undefined): string[] {
  const scripted = lock?.withInstallScript ?? [];
  if (scripted.length === 0) return [];
  return [`install scripts of packages are not run; these have one: ${scripted.slice(0, 10).join(', ')}`];
}

interface Source {
  readonly packages: readonly MadeLayer[];
  readonly code: readonly LayerEntry[];
}

/** Nothing is built: the code is taken from where it lies. */
async function plainSource(build: Build): Promise<Source> {
  const { context, lock } = build;
  return {
    packages: lock === undefined ? [] : await packagesLayer(build, lock),
    code: await codeEntries(context, await rulesOf(context, true)),
  };
}

/** What was installed for the same package.json, lock file and Node.js is not installed again. */
async function packagesLayer({ context, cache, work, date, options }: Build, lock: LockFile): Promise<MadeLayer[]> {
  const files = await Promise.all(
    ['package.json', '.npmrc'].map((name) => readFile(path.join(context, name)).catch(() => '')),
  );
  const hash = createHash('sha256');
  for (const part of [String(layersVersion), process.version, process.arch, date.toISOString(), lock.text, ...files]) {
    hash.update(`${part.length} `).update(part);
  }
  // Workspaces and packages of the same folder are part of what is installed.
  const isSelfContained = !/"link": true|"resolved": "file:/.test(lock.text);
  const make = async (target: string): Promise<MadeLayer> => {
    const stage = await copySource(context, work);
    options.say('  installing packages');
    await installPackages(stage, false);
    return writeLayer(await dependencyEntries(stage), target, date);
  };
  const layer = isSelfContained
    ? await cache.get(`packages-${hash.digest('hex').slice(0, 32)}`, make)
    : await make(path.join(work, 'packages.tar'));
  return [layer];
}

/** The build script may write anywhere, also among the packages: both are taken from the copy. */
async function builtSource({ context, lock, work, date, options }: Build): Promise<Source> {
  const stage = await copySource(context, work);
  if (lock !== undefined) {
    options.say('  installing packages');
    await installPackages(stage, true);
  }
  options.say('  running the build script');
  await runBuildScript(stage);
  if (lock !== undefined) await pruneDevelopment(stage);
  const packages = (await hasPackages(stage))
    ? [await writeLayer(await dependencyEntries(stage), path.join(work, 'packages.tar'), date)]
    : [];
  return { packages, code: await codeEntries(stage, (place) => place === '.npmrc') };
}

/** What belongs into the image, and what npm needs beside that. */
async function copySource(context: string, work: string): Promise<string> {
  const stage = path.join(work, 'source');
  await mkdir(stage, { mode: 0o700 });
  for (const file of await contextFiles(context, await rulesOf(context, true))) {
    const target = path.join(stage, file.path);
    if (file.type === 'directory') await mkdir(target, { recursive: true });
    else if (file.type === 'symlink') await symlink(file.target, target);
    else await copyFile(path.join(context, file.path), target, constants.COPYFILE_FICLONE);
  }
  for (const name of ['package.json', 'package-lock.json', 'npm-shrinkwrap.json', '.npmrc']) {
    const target = path.join(stage, name);
    // Where it is a link, the copy of that link leads elsewhere from here: nothing is written through it.
    await rm(target, { force: true });
    await copyFile(path.join(context, name), target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  return stage;
}

async function runtimeLayer({ cache, date }: Build): Promise<MadeLayer> {
  const key = `node-${process.version}-${process.arch}-${layersVersion}-${date.getTime()}`;
  return cache.get(key, async (file) => writeLayer(await runtimeEntries(), file, date));
}

function imageConfig({ options }: Build, start: StartCommand): ImageConfig {
  const { base, port = usualPort } = options;
  const usualPath = '/usr/local/bin:/usr/bin:/bin';
  const inherited = Object.fromEntries(
    (base?.config.Env ?? []).map((entry) => [entry.replace(/=.*/s, ''), entry.replace(/^[^=]*=/s, '')]),
  );
  const env: Record<string, string> = {
    ...inherited,
    PATH: `/${applicationFolder}/node_modules/.bin:${inherited['PATH'] ?? usualPath}`,
    NODE_ENV: 'production',
    PORT: String(port),
    ...start.env,
  };
  return {
    ...base?.config,
    ...(base?.config.Entrypoint !== undefined && { Entrypoint: [] }),
    Cmd: start.command,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: `/${applicationFolder}`,
    User: applicationUser,
    ExposedPorts: { [`${env['PORT']}/tcp`]: {} },
  };
}
