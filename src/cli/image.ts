/**
 * `naru image import` and `pack`: images with no registry at hand. They go into the containerd of NARU_HOME, where pods find them.
 * `image-store.ts` has what is done with those that are there.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';
import { importIntoRunning } from '../agent/containerd/import-archive.ts';
import { containerdPaths } from '../agent/containerd/paths.ts';
import { CriRuntime } from '../agent/cri/cri-runtime.ts';
import type { Runtime } from '../agent/runtime.ts';
import type { Home } from '../home.ts';
import { packImage } from '../images/pack-image.ts';
import { RealClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { findRunning } from './background.ts';
import { findAgent } from './running-agent.ts';
import { UserError } from './user-error.ts';

/** @throws UserError where no containers run from this home */
export function mustRunContainers(home: Home): void {
  if (findAgent(home) !== undefined) return;
  const running = findRunning(home);
  if (running === undefined) throw new UserError(`no cluster runs from ${home.root}; start it with: naru up`);
  if (running.isServerOnly) {
    throw new UserError(`only the server runs from ${home.root}, and images are for nodes; start one with: naru agent`);
  }
  throw new UserError('the nodes of this cluster are simulated: they take any image name, and need no image');
}

/** For one command: the runtime of this home. @throws UserError where no containers run from here */
export async function withRuntime<T>(home: Home, act: (runtime: Runtime) => Promise<T>): Promise<T> {
  mustRunContainers(home);
  const clock = new RealClock({ keepsAlive: true });
  const runtime = new CriRuntime({ address: containerdPaths(home.root).address, clock, log: silentLogger });
  try {
    return await act(runtime);
  } finally {
    await runtime.close();
  }
}

/** `-` is standard input. */
export async function importFiles(
  home: Home,
  files: readonly string[],
  options: { readonly name?: string },
): Promise<void> {
  mustRunContainers(home);
  if (files.length > 1 && options.name !== undefined) {
    throw new UserError('--name is for one archive; import several one after another, each with its name');
  }
  const clock = new RealClock({ keepsAlive: true });
  for (const file of files) {
    await withFile(file, async (path) => {
      for (const name of await importIntoRunning(home, clock, path, options.name)) console.log(`imported ${name}`);
    });
  }
}

/** What comes by standard input is looked through before it is used, and so must lie on disk for a while. */
async function withFile(file: string, act: (path: string) => Promise<void>): Promise<void> {
  if (file !== '-') return act(path.resolve(file));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-image-'));
  try {
    const archive = path.join(folder, 'standard-input');
    await pipeline(process.stdin, createWriteStream(archive, { mode: 0o600 }));
    await act(archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface PackCommandOptions {
  readonly name: string;
  readonly output?: string;
  readonly file?: readonly string[];
  readonly env?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly stopSignal?: string;
}

export async function pack(home: Home, programs: readonly string[], options: PackCommandOptions): Promise<void> {
  if (options.output !== undefined) {
    await packTo(programs, options, path.resolve(options.output));
    console.log(`wrote ${options.output}`);
    return;
  }
  mustRunContainers(home);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-image-'));
  try {
    const archive = path.join(folder, 'image.tar');
    await packTo(programs, options, archive);
    await importFiles(home, [archive], {});
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function packTo(programs: readonly string[], options: PackCommandOptions, output: string): Promise<void> {
  const packed = await packImage({
    name: options.name,
    programs,
    output,
    ...(options.file !== undefined && { files: options.file.map(fileMapping) }),
    ...(options.env !== undefined && { env: Object.fromEntries(options.env.map(environmentVariable)) }),
    ...(options.entrypoint !== undefined && { entrypoint: options.entrypoint }),
    ...(options.cmd !== undefined && { command: options.cmd }),
    ...(options.workdir !== undefined && { workdir: options.workdir }),
    ...(options.user !== undefined && { user: options.user }),
    ...(options.stopSignal !== undefined && { stopSignal: options.stopSignal }),
  });
  for (const library of packed.missing) console.error(`naru: not found on this machine: ${library}`);
}

/** `PATH` keeps its place in the image; `PATH:TARGET` gets another. */
function fileMapping(text: string): { source: string; target: string } {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return { source: text, target: path.resolve(text) };
  return { source: text.slice(0, colon), target: text.slice(colon + 1) };
}

function environmentVariable(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UserError(`--env takes NAME=VALUE, and got ${text}`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
