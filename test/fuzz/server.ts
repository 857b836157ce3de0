/** The parent's view of the server under attack: starts it, asks it for figures, notices its end. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ClientConfig, readKubeconfig } from '../../src/client/kubeconfig.ts';
import type { User } from './make/request.ts';

export interface ServerFigures {
  /** After a full collection: objects and buffers. */
  readonly heldBytes: number;
  readonly residentBytes: number;
  /** What keeps the process alive, by kind. */
  readonly handles: Readonly<Record<string, number>>;
  /** The longest time that nobody was served, since the last figures. */
  readonly longestStallMs: number;
}

export type ToServer = 'figures' | 'close';
export type FromServer =
  | { readonly kind: 'started'; readonly kubeconfig: string; readonly nodeKubeconfig: string }
  | { readonly kind: 'figures'; readonly figures: ServerFigures }
  | { readonly kind: 'error'; readonly line: string };

export interface FuzzedServer {
  readonly users: Readonly<Record<User, ClientConfig>>;
  /** What it logged as errors so far. */
  readonly errors: readonly string[];
  /** Undefined while it runs. */
  ended(): string | undefined;
  figures(): Promise<ServerFigures>;
  close(): Promise<void>;
}

export async function startServer(onError: (line: string) => void): Promise<FuzzedServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-fuzz-'));
  const program = path.join(import.meta.dirname, 'server-process.ts');
  const child = fork(program, [folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const errors: string[] = [];
  let end: string | undefined;
  child.once('exit', (code, signal) => {
    end = `the server's process ended with ${signal ?? `code ${code}`}`;
  });
  child.on('message', (message: FromServer) => {
    if (message.kind !== 'error') return;
    errors.push(message.line);
    onError(message.line);
  });
  const answer = async <K extends FromServer['kind']>(kind: K): Promise<Extract<FromServer, { kind: K }>> => {
    const stop = new AbortController();
    const gone = once(child, 'exit', { signal: stop.signal }).then(() => {
      throw new Error(end);
    });
    gone.catch(() => {});
    try {
      for (;;) {
        const [message] = (await Promise.race([once(child, 'message', { signal: stop.signal }), gone])) as [FromServer];
        if (message.kind === kind) return message as Extract<FromServer, { kind: K }>;
      }
    } finally {
      stop.abort();
    }
  };
  const { kubeconfig, nodeKubeconfig } = await answer('started');
  const admin = await readKubeconfig(kubeconfig);
  const { server, ca, namespace } = admin;
  return {
    users: {
      admin,
      node: await readKubeconfig(nodeKubeconfig),
      anonymous: { server, namespace, ...(ca !== undefined && { ca }) },
    },
    errors,
    ended: () => end,
    figures: () => {
      child.send('figures' satisfies ToServer);
      return answer('figures').then(({ figures }) => figures);
    },
    close: async () => {
      if (end === undefined) {
        const ended = once(child, 'exit');
        child.send('close' satisfies ToServer);
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
