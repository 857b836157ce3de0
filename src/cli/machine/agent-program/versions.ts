/**
 * The agent programs that a node has from its server, beside the one that it was installed with, and which of them runs.
 *
 * ```
 * NARU_HOME/versions/
 *   state.json        which one runs, which one is on trial, which one failed
 *   DIGEST/           a program, unpacked
 *
 *  installed ──begin(D)──▶ D on trial ──proved──▶ D runs ──begin(E)──▶ E on trial ─┐
 *      ▲                       │ does not start, or its node is not Ready in time  │
 *      └───────failed(D)───────┴──────────────────────▶ D runs ◀──────failed(E)────┘
 * ```
 * Kept true: a program on trial that ended without having proved itself is not started a second time; a program is unpacked wholly or not at all; the one that
 * runs and the one before it stay, others go. Changing from one to another replaces the process's program (execve): its id stays, and so does what a service
 * manager knows of it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type Home, makeClosedFolder } from '../../../home.ts';
import { replacePrivateFile } from '../../../lib/private-file.ts';
import type { AgentCommandOptions } from '../../agent.ts';
import { isInBackground, toldParent } from '../../background.ts';
import { launcherFile } from '../../launcher.ts';
import { programVersion } from '../../version.ts';
import { digestOf, isDigest, mainFile, unpackProgram } from './archive.ts';

export interface VersionsState {
  /** The program that proved itself last; absent: the installed one. */
  readonly current?: string;
  /** The version that was installed when `current` came: a newer installation wins over it. */
  readonly installed?: string;
  /** Begun, and not proved yet. */
  readonly trial?: string;
  readonly failed?: { readonly digest: string; readonly why: string };
}

const stateFile = (home: Home): string => path.join(home.versions, 'state.json');

export function readVersions(home: Home): VersionsState {
  try {
    const state = JSON.parse(readFileSync(stateFile(home), 'utf8')) as VersionsState;
    return [state.current, state.trial].every((digest) => digest === undefined || isDigest(digest)) ? state : {};
  } catch {
    return {};
  }
}

export function writeVersions(home: Home, state: VersionsState): void {
  makeClosedFolder(home.versions);
  replacePrivateFile(stateFile(home), `${JSON.stringify(state)}\n`);
}

const folderOf = (home: Home, digest: string): string => path.join(home.versions, digest);

export const hasProgram = (home: Home, digest: string): boolean =>
  existsSync(path.join(folderOf(home, digest), mainFile));

/** Checks and unpacks. @throws Error where it is not what the digest names */
export async function keepProgram(home: Home, digest: string, archive: Uint8Array): Promise<void> {
  if (digestOf(archive) !== digest) throw new Error('the program that came is not the one that was announced');
  const { files } = await unpackProgram(archive);
  makeClosedFolder(home.versions);
  const draft = `${folderOf(home, digest)}.new`;
  rmSync(draft, { recursive: true, force: true });
  for (const [name, bytes] of files) {
    const file = path.join(draft, name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, bytes, { mode: 0o600 });
  }
  rmSync(folderOf(home, digest), { recursive: true, force: true });
  renameSync(draft, folderOf(home, digest));
}

/** All but these go. */
export function dropPrograms(home: Home, kept: readonly (string | undefined)[]): void {
  if (!existsSync(home.versions)) return;
  for (const name of readdirSync(home.versions)) {
    if (name !== path.basename(stateFile(home)) && !kept.includes(name)) {
      rmSync(path.join(home.versions, name), { recursive: true, force: true });
    }
  }
}

/** Of the program that runs now; undefined: the installed one. */
export const ownDigest = (): string | undefined => process.env[digestVariable];

const digestVariable = 'NARU_AGENT_PROGRAM';

/** Like the launcher's for an agent. */
const flags = ['--max-semi-space-size=1', '--lite-mode'] as const;

/** Which program is to run where the installed one is started; undefined: that itself. Pure. */
export function programToStart({ current, installed }: VersionsState, version: string): string | undefined {
  return installed === version ? current : undefined;
}

/** A trial that its program did not survive: whoever is started now did not prove itself. Pure. */
export function afterTrial(state: VersionsState, own: string | undefined): VersionsState {
  const { trial, ...rest } = state;
  if (trial === undefined || trial === own) return state;
  return { ...rest, failed: { digest: trial, why: 'it ended before its node was Ready' } };
}

/** The command that starts it; `args` follow. */
export const programCommand = (home: Home, digest: string): readonly string[] => [
  process.execPath,
  ...flags,
  path.join(folderOf(home, digest), mainFile),
];

/** What it must know beside `NARU_HOME`. */
export const programEnvironment = (digest: string): Readonly<Record<string, string>> => ({ [digestVariable]: digest });

/** Replaces this process's program. Does not return; an open report to a parent stays open. */
export function becomeProgram(home: Home, digest: string, options: AgentCommandOptions): never {
  const [program = '', ...args] = programCommand(home, digest);
  const environment = { ...process.env, NARU_HOME: home.root, ...programEnvironment(digest) };
  return replace(program, [...args, JSON.stringify(options)], environment);
}

/** The installed one, with the options that this process was given. */
export function becomeInstalled(home: Home, options: AgentCommandOptions): never {
  const { [digestVariable]: _, ...environment } = process.env;
  const installed = environment[installedVariable] ?? launcherFile;
  return replace(installed, ['agent', ...commandLineOf(options)], { ...environment, NARU_HOME: home.root });
}

/** For programs that come from the server: what was installed on this machine, and where. Called by the installed one. */
export function rememberInstalled(): void {
  process.env[installedVariable] ??= launcherFile;
  process.env[versionVariable] ??= programVersion();
}

export const installedVersion = (): string => process.env[versionVariable] ?? programVersion();

const installedVariable = 'NARU_INSTALLED';
const versionVariable = 'NARU_INSTALLED_VERSION';

function replace(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): never {
  const { execve } = process;
  if (execve === undefined) throw new Error('this system cannot replace a running program');
  execve(program, [program, ...args], isInBackground() ? { ...environment, ...toldParent } : environment);
  throw new Error(`${program} could not be started`);
}

const optionNames: Readonly<Record<keyof AgentCommandOptions, string>> = {
  kubeconfig: '--kubeconfig',
  bootstrapKubeconfig: '--bootstrap-kubeconfig',
  nodeName: '--node-name',
  podCidr: '--pod-cidr',
  kubeletConfig: '--kubelet-config',
  staticPods: '--static-pods',
  pluginFolder: '--plugin-folder',
  nodeIp: '--node-ip',
};

/** As `naru agent` takes them. */
export function commandLineOf(options: AgentCommandOptions): string[] {
  return Object.entries(optionNames).flatMap(([name, option]) => {
    const value = options[name as keyof AgentCommandOptions];
    return value === undefined ? [] : [option, value];
  });
}
