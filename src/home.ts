/**
 * NARU_HOME, the one folder for a cluster's state on this machine: what lies where. Two clusters with different homes run side
 * by side; nothing here is readable by other users (folders 0700, files 0600).
 */
import { chmodSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface Home {
  readonly root: string;
  /** What `naru up` was told, so that the next one need not be told again. */
  readonly settings: string;
  /** The running process: see `cli/background.ts`. */
  readonly processFile: string;
  /** The running `naru agent`, likewise. */
  readonly agentProcessFile: string;
  /** The log of the process in the background. */
  readonly log: string;
  /** The API's objects (SQLite). */
  readonly state: string;
  /** The keys that seal Secrets in there. */
  readonly encryptionConfig: string;
  /** The certificate authority, and what it signed. */
  readonly certificates: string;
  /** The keys of service accounts' tokens: the first signs. */
  readonly tokenKey: string;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** For `naru agent` on this machine. */
  readonly agentKubeconfig: string;
  /** From where images come; the administrator's to write. */
  readonly registries: string;
  readonly containerd: string;
  /** The agent's: volumes and logs of pods. */
  readonly node: string;
  /** PersistentVolumes that are folders of this node (`naru-local`): users' data. */
  readonly volumes: string;
  /** Agents' programs that the server offers to its nodes. */
  readonly agentPrograms: string;
  /** Those that this node has from its server. */
  readonly versions: string;
  /** The state from before the last upgrade of the server. */
  readonly beforeUpgrade: string;
  /** What the network's parts of this node remember. */
  readonly network: string;
  /** What makes builds of images quick; it may be removed at any time. */
  readonly build: string;
  /** While `naru backup` and `naru restore` work; what a restore took out of the way. */
  readonly backingUp: string;
  readonly restoring: string;
  readonly setAside: string;
  /** The same for simulated nodes, a folder each. */
  readonly simulated: string;
}

export function homeOf(root: string): Home {
  const at = (...parts: string[]): string => path.join(root, ...parts);
  return {
    root,
    settings: at('settings.json'),
    processFile: at('naru.pid'),
    agentProcessFile: at('agent.pid'),
    log: at('naru.log'),
    state: at('state.db'),
    encryptionConfig: at('encryption.yaml'),
    certificates: at('certificates'),
    tokenKey: at('service-accounts.key'),
    kubeconfig: at('kubeconfig'),
    agentKubeconfig: at('agent.kubeconfig'),
    registries: at('registries.yaml'),
    containerd: at('containerd'),
    node: at('node'),
    volumes: at('volumes'),
    agentPrograms: at('agent-programs'),
    versions: at('versions'),
    beforeUpgrade: at('before-upgrade'),
    network: at('network'),
    build: at('build'),
    backingUp: at('backing-up'),
    restoring: at('restoring'),
    setAside: at('before-restore'),
    simulated: at('simulated'),
  };
}

/** `NARU_HOME`, else `/var/lib/naru` for root and `~/.naru` for everybody else. */
export function defaultHome(environment: { readonly NARU_HOME?: string }, isRoot: boolean): Home {
  const chosen = environment.NARU_HOME;
  if (chosen) return homeOf(realPath(path.resolve(chosen)));
  return homeOf(realPath(isRoot ? '/var/lib/naru' : path.join(os.homedir(), '.naru')));
}

/** The kernel tells mounts by their real path, and names are made from it: one folder must have one name. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(realPath(parent), path.basename(folder));
  }
}

/** A folder that is naru's alone is closed to others, also where it was made open. Somebody's own stays as it is. */
export function makeHome(home: Home): void {
  mkdirSync(home.root, { recursive: true, mode: 0o700 });
  if (readdirSync(home.root).every(namesOf(home))) makeClosedFolder(home.root);
}

/** For what lies within with the modes that containers need. */
export function makeClosedFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if ((statSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/** Companions carry the name of their file: state.db-wal, naru.log.1, settings.json.new. */
function namesOf(home: Home): (entry: string) => boolean {
  const names = Object.values<string>({ ...home, root: home.state }).map((file) => path.basename(file));
  return (entry) =>
    names.some((name) => entry === name || entry.startsWith(`${name}.`) || entry.startsWith(`${name}-`));
}

/**
 * Removes everything that is naru's, and the folder where nothing else is in it: somebody may have named a folder of their own. Returns what
 * was left because naru did not make it.
 */
export function removeHome(home: Home): string[] {
  const { root } = home;
  const isOurs = namesOf(home);
  const entries = readdirSync(root);
  for (const entry of entries.filter(isOurs)) rmSync(path.join(root, entry), { recursive: true, force: true });
  const left = entries.filter((entry) => !isOurs(entry));
  if (left.length === 0) rmdirSync(root);
  return left;
}
