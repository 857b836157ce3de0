/**
 * The programs that naru drives but does not contain (ARCHITECTURE.md, D6), from Debian's packages. Installs only what is missing.
 *
 * Debian starts a package's services with its installation and at every start of the machine. naru starts its own containerd and HAProxy, so those of
 * packages that came by it neither start nor are enabled: the one place that Debian asks, /usr/sbin/policy-rc.d, says no for them (for others it says yes)
 * while apt-get runs. A machine that has such a file already is asked as it wants to be; services of packages that were there before stay as they are.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface SystemProgram {
  /** A name looked up in PATH, or an absolute path. */
  readonly program: string;
  readonly debianPackage: string;
}

/** What a node needs to run containers. */
export const nodePrograms: readonly SystemProgram[] = [
  { program: 'containerd', debianPackage: 'containerd' },
  { program: 'ctr', debianPackage: 'containerd' },
  { program: 'runc', debianPackage: 'runc' },
  { program: '/usr/lib/cni/ptp', debianPackage: 'containernetworking-plugins' },
  { program: '/usr/lib/cni/host-local', debianPackage: 'containernetworking-plugins' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'nft', debianPackage: 'nftables' },
  { program: 'conntrack', debianPackage: 'conntrack' },
  { program: 'haproxy', debianPackage: 'haproxy' },
];

/** What Debian would run of them, by package. */
const services: Readonly<Record<string, string>> = { containerd: 'containerd', haproxy: 'haproxy' };

/** Daemons' folders, which the PATH of a plain user or of a bare container may lack. */
const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function isInstalled({ program }: SystemProgram): boolean {
  if (path.isAbsolute(program)) return existsSync(program);
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...systemFolders];
  return folders.some((folder) => existsSync(path.join(folder, program)));
}

/** The Debian packages that are missing on this machine. */
export function missingPackages(programs: readonly SystemProgram[] = nodePrograms): string[] {
  return [...new Set(programs.filter((program) => !isInstalled(program)).map((program) => program.debianPackage))];
}

/**
 * Installs what is missing with apt-get; does nothing where nothing is.
 * @throws Error with apt's last words and the way out
 */
export async function installSystemPackages(
  say: (line: string) => void,
  programs: readonly SystemProgram[] = nodePrograms,
): Promise<void> {
  const missing = missingPackages(programs);
  if (missing.length === 0) return;
  const wanted = missing.join(' ');
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(
      `these programs' packages are missing, and there is no apt-get to install them: ${wanted}. Install them by hand, or use --simulated-nodes`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      `these system packages are missing, and only root can install them: ${wanted}. Run the command as root once, or use --simulated-nodes`,
    );
  }
  say(`installing system packages: ${wanted}`);
  await aptGet(['update'], wanted);
  const unwanted = missing.flatMap((name) => services[name] ?? []);
  await withoutStarting(unwanted, () => aptGet(['install', '--yes', '--no-install-recommends', ...missing], wanted));
  for (const service of unwanted) await disable(service);
}

const mark =
  '# naru: its own containerd and HAProxy are other ones. This file goes with the installation that it is for.';

/** What Debian runs before it starts a service: 101 means no, 0 yes. */
export function startPolicy(unwanted: readonly string[]): string {
  const patterns = unwanted.flatMap((name) => [`*' ${name} '*`, `*' ${name}.service '*`]).join('|');
  return `#!/bin/sh\n${mark}\ncase " $* " in ${patterns}) exit 101 ;; esac\nexit 0\n`;
}

/** While `act` runs, Debian starts none of these. @param file for tests */
export async function withoutStarting(
  unwanted: readonly string[],
  act: () => Promise<void>,
  file = '/usr/sbin/policy-rc.d',
): Promise<void> {
  // What an installation that was killed left behind.
  if (existsSync(file) && readFileSync(file, 'utf8').includes(mark)) rmSync(file);
  if (unwanted.length === 0 || existsSync(file)) return act();
  writeFileSync(file, startPolicy(unwanted), { mode: 0o755, flag: 'wx' });
  try {
    await act();
  } finally {
    rmSync(file, { force: true });
  }
}

/** It does not start with the machine. Where there is no systemd, there is nothing to disable. */
async function disable(service: string): Promise<void> {
  await run('systemctl', ['disable', `${service}.service`]).catch(() => {});
}

async function aptGet(args: readonly string[], wanted: string): Promise<void> {
  try {
    await run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const words = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split('\n')
      .slice(-3)
      .join(' ');
    throw new Error(`apt-get ${args[0]} failed (${words}); mend that, or install by hand: apt-get install ${wanted}`, {
      cause: error,
    });
  }
}
