/** kubectl as a program with streams: bytes in, bytes out, a terminal where wanted, and every protocol that it has spoken over the years. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import process from 'node:process';
import { eventually, findKubectl, findOldestKubectl, freePort, type TestCluster } from '../harness.ts';

export interface Client {
  readonly name: string;
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/** WebSocket as kubectl speaks it now, SPDY as it falls back to, and SPDY of a kubectl that knows nothing else. */
export async function everyClient(): Promise<readonly Client[]> {
  const [newest, oldest] = await Promise.all([findKubectl(), findOldestKubectl()]);
  const spdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };
  return [
    { name: '1.36, WebSocket', program: newest, env: {} },
    { name: '1.36, SPDY', program: newest, env: spdy },
    { name: '1.20, SPDY', program: oldest, env: {} },
  ];
}

export interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunningClient {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Of both outputs, so far. */
  text(): string;
}

const runMsMax = 90_000;

/** `terminal`: with one of that many rows and columns. */
export function start(
  cluster: TestCluster,
  client: Client,
  args: readonly string[],
  terminal?: { rows: number; columns: number },
): RunningClient {
  const own = [client.program, '--kubeconfig', cluster.kubeconfig, ...args];
  const quoted = own.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const argv =
    terminal === undefined
      ? own
      : ['script', '-qec', `stty rows ${terminal.rows} cols ${terminal.columns}; exec ${quoted}`, '/dev/null'];
  const child = spawn(argv[0] as string, argv.slice(1), {
    env: { ...process.env, ...client.env },
    timeout: runMsMax,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  // A program may end without reading what it is given.
  child.stdin.on('error', () => {});
  const ended = new Promise<Outcome>((resolve) => {
    child.once('close', (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  });
  return { child, ended, text: () => Buffer.concat([...stdout, ...stderr]).toString() };
}

export async function outcome(
  cluster: TestCluster,
  client: Client,
  args: readonly string[],
  input: Buffer | string = '',
): Promise<Outcome> {
  const { child, ended } = start(cluster, client, args);
  child.stdin?.end(input);
  return ended;
}

export interface Forward {
  /** By the pod's port. */
  readonly ports: ReadonlyMap<number, number>;
  readonly client: RunningClient;
}

export async function forward(
  cluster: TestCluster,
  client: Client,
  pod: string,
  podPorts: readonly number[],
): Promise<Forward> {
  const ports = new Map<number, number>();
  for (const port of podPorts) ports.set(port, await freePort());
  const pairs = [...ports].map(([port, local]) => `${local}:${port}`);
  const running = start(cluster, client, ['port-forward', '--address', '127.0.0.1', pod, ...pairs]);
  await eventually('the ports are forwarded', () => running.text().split('Forwarding from').length > podPorts.length);
  return { ports, client: running };
}

/** Sends all, says that this was all, and gives back what came until the other side has ended. */
export function exchange(port: number, data: Buffer | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.once('end', () => {
      socket.destroy();
      resolve(Buffer.concat(pieces));
    });
    socket.once('error', reject);
    socket.end(data);
  });
}

export function mustEnd(result: Outcome, code = 0): string {
  assert.equal(result.code, code, result.stderr);
  return result.stdout.toString();
}
