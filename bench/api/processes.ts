/** The two servers that `api.bench.ts` compares, each in a process of its own, so that neither shares the client's thread. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type ClientConfig, readKubeconfig } from '../../src/client/kubeconfig.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { CertificateAuthority } from '../../src/server/certificates/certificate-authority.ts';
import type { BareSetup } from './bare-process.ts';

export interface ServerProcess {
  readonly config: ClientConfig;
  /** Resident bytes after a full collection. */
  residentBytes(): Promise<number>;
  /** Ends it and removes its state. */
  close(): Promise<void>;
}

export interface BareProcess {
  readonly address: string;
  /** PEM: who signed its certificate. */
  readonly authority: string;
  close(): Promise<void>;
}

export async function startServerProcess(): Promise<ServerProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-bench-'));
  return startIn(folder, bundled('server-process.ts', folder), true);
}

/** A server that can be started again with the state that it had. */
export class RestartableServer {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'naru-bench-'));
  readonly #file = bundled('server-process.ts', this.#folder);

  /** Resolves when it answers. `close` of what it returns keeps the state. */
  start(): Promise<ServerProcess> {
    return startIn(this.#folder, this.#file, false);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function startIn(folder: string, file: string, isLast: boolean): Promise<ServerProcess> {
  const child = start(file, path.join(folder, 'home'));
  const { kubeconfig } = await answer<{ kubeconfig: string }>(child);
  return {
    config: await readKubeconfig(kubeconfig),
    residentBytes: async () => {
      child.send('memory');
      return (await answer<{ residentBytes: number }>(child)).residentBytes;
    },
    close: async () => {
      const ended = once(child, 'exit');
      child.send('close');
      await ended;
      if (isLast) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function startBareProcess(bodies: ReadonlyMap<string, Buffer>): Promise<BareProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-bench-'));
  const authority = await CertificateAuthority.open({ folder, clock: new RealClock() });
  const { certificate, key } = await authority.servingCertificate(['127.0.0.1']);
  const child = start(beside('bare-process.ts'));
  const texts = Object.fromEntries([...bodies].map(([url, bytes]) => [url, bytes.toString('base64')]));
  child.send({ certificate, key, bodies: texts } satisfies BareSetup);
  const { address } = await answer<{ address: string }>(child);
  return {
    address,
    authority: authority.certificate,
    close: async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const beside = (file: string): string => path.join(import.meta.dirname, file);

/** One file, as `naru` itself runs: four hundred sources would cost memory that users never see. */
function bundled(file: string, folder: string): string {
  const output = path.join(folder, 'server.mjs');
  const bundler = path.join(import.meta.dirname, '../../tools/bundle.ts');
  execFileSync(process.execPath, [bundler, output, '--entry', beside(file)], { stdio: 'inherit' });
  return output;
}

/** Run as `naru` itself is, with the launcher's settings. */
function start(file: string, ...args: string[]): ChildProcess {
  const launcher = path.join(import.meta.dirname, '../../tools/node');
  return fork(file, args, { execPath: launcher, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** @throws Error where the process ends instead */
async function answer<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a server under measurement ended with code ${String(code)}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [T];
  return message;
}
