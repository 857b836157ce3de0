/** HAProxy as a process: found, asked whether it would take a configuration, started, told, ended. It runs in a session of its own and outlives naru. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { writePrivateFile } from '../../../lib/private-file.ts';
import { identifyProcess, isRunning, type ProcessIdentity, parseIdentity } from '../../../lib/process-identity.ts';
import type { HaproxyFiles } from './files.ts';
import type { Listener } from './rendering.ts';

const searchPath = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin', '/sbin', '/bin'];

/** @throws Error that says what to install */
export function findProgram(): string {
  for (const folder of [...(process.env['PATH'] ?? '').split(':').filter(path.isAbsolute), ...searchPath]) {
    const file = path.join(folder, 'haproxy');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  throw new Error('HAProxy is not installed, and Ingresses and Gateways need it: apt-get install haproxy');
}

/** Who is to run workers: of root alone. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = users.find(([name]) => name === 'haproxy') ?? users.find(([name]) => name === 'nobody');
  return found === undefined ? undefined : { uid: Number(found[2]), gid: Number(found[3]) };
}

const checkMsMax = 60_000;

/** HAProxy's words where it would not take the configuration. */
export function checkConfig(program: string, config: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Not with -q: that keeps the reason quiet, too.
    execFile(program, ['-c', '-f', config], { timeout: checkMsMax, env: environment }, (error, _, stderr) => {
      resolve(error === null ? undefined : alertsIn(stderr).join(' ').slice(0, 2000) || error.message);
    });
  });
}

/** What HAProxy says of errors, without the process that says it. */
export function alertsIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.includes('[ALERT]'));
  return lines.map((line) => line.replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*/, ''));
}

const environment = { PATH: searchPath.join(':') };

export interface RunningHaproxy {
  readonly process: ProcessIdentity;
  /** Resolves when it ends, where it is a child of this process. */
  readonly exited: Promise<void>;
}

const never = new Promise<void>(() => {});

/** The one of this folder, whoever started it. */
export async function findRunning({ pidFile, config }: HaproxyFiles): Promise<RunningHaproxy | undefined> {
  const identity = parseIdentity(await readFile(pidFile, 'utf8').catch(() => 'null'));
  if (identity === undefined || !isRunning(identity)) return undefined;
  const argv = (await readFile(`/proc/${identity.pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return argv.includes(config) ? { process: identity, exited: never } : undefined;
}

/** The master with its worker; the caller waits until it answers. @throws Error where it cannot be executed */
export async function startHaproxy(program: string, files: HaproxyFiles): Promise<RunningHaproxy> {
  const [log, accessLog] = await Promise.all([open(files.logFile, 'a', 0o600), open(files.accessLogFile, 'a', 0o600)]);
  try {
    const child = spawn(program, ['-W', '-f', files.config], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', accessLog.fd, log.fd],
      env: environment,
    });
    child.unref();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await once(child, 'spawn');
    const pid = child.pid as number;
    const identity = identifyProcess(pid) ?? { pid, startTicks: 0, bootId: '' };
    await writePrivateFile(files.pidFile, `${JSON.stringify(identity)}\n`);
    return { process: identity, exited };
  } finally {
    await Promise.all([log.close(), accessLog.close()]);
  }
}

/** USR2: read the configuration anew. USR1: end when the connections do. TERM: end. */
export function tellMaster(identity: ProcessIdentity, name: 'SIGUSR1' | 'SIGUSR2' | 'SIGTERM' | 'SIGKILL'): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** `*` for both families, where the machine knows the second. */
export function anyAddress(): '::' | '0.0.0.0' {
  return existsSync('/proc/net/if_inet6') ? '::' : '0.0.0.0';
}

/** Why nobody can listen there now, in a few words. */
export function listenProblem({ address, port }: Listener): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EADDRINUSE') resolve('another program listens there');
      else if (code === 'EACCES') resolve('ports below 1024 are for root');
      else
        resolve(
          code === 'EADDRNOTAVAIL' ? 'the machine does not have the address' : (code ?? 'it cannot be listened on'),
        );
    });
    server.listen({ port, host: address === '*' ? anyAddress() : address, exclusive: true }, () => {
      server.close(() => resolve(undefined));
    });
  });
}
