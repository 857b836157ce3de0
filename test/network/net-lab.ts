/**
 * Networks of this machine's kernel for tests: spaces (network namespaces) with cables between them, and programs in them. Nothing touches the
 * machine's own network: a space is a namespace that a process of the lab holds, and goes with it, also where the test is killed.
 *
 * ```
 *   const lab = await NetLab.open();
 *   const [node, pod] = await lab.spaces('node', 'pod');
 *   await lab.cable([node, 'veth0', '10.0.0.1/24'], [pod, 'eth0', '10.0.0.2/24']);
 *   await pod.echo('http:80');                          // says who asks: `EchoReply`
 *   await node.http('http://10.0.0.2/');
 *   await lab.close();
 * ```
 * Every space has its own sysctls, nft tables, conntrack, routes and links; files and processes are the machine's. A file of /proc/sys/net is
 * that of whoever opens it: read and write it by `sysctl`, never from the test's own process.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pauseProgram } from '../../src/images/pause.ts';
import { architectureOf } from '../../src/images/platform.ts';
import { type CommandOptions, type CommandResult, eventually, root, run } from '../harness.ts';

/** For `describe`'s options, as `needsContainers` of the cluster's tests: they need root on Linux, and skip only where that was said. */
export const needsNetwork = process.env['NARU_TEST_NO_CONTAINERS'] === '1' ? { skip: 'NARU_TEST_NO_CONTAINERS=1' } : {};

/** One end of a cable: the space, the name of the interface there, and its addresses with their lengths. */
export type CableEnd = readonly [space: NetSpace, device: string, ...addresses: readonly string[]];

/** What the echo server says to who asks over HTTP; over TCP and UDP it says `SERVER CLIENT-ADDRESS CLIENT-PORT\n`, and TCP then echoes. */
export interface EchoReply {
  readonly server: string;
  readonly client: string;
  readonly port: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class NetLab {
  readonly folder: string;
  readonly #pause: string;
  readonly #spaces: NetSpace[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.#pause = path.join(folder, 'pause');
    writeFileSync(this.#pause, pauseProgram(architectureOf(process.arch)), { mode: 0o700 });
  }

  static async open(): Promise<NetLab> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      throw new Error(
        'these tests make networks, as root on Linux; elsewhere set NARU_TEST_NO_CONTAINERS=1 to skip them',
      );
    }
    return new NetLab(mkdtempSync(path.join(os.tmpdir(), 'naru-net-')));
  }

  /** A new space with its loopback up. */
  async space(name: string): Promise<NetSpace> {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', this.#pause], { stdio: 'ignore' });
    const space = new NetSpace(name, child);
    this.#spaces.push(space);
    await eventually(`the space ${name} is there`, () => readlinkSync(`/proc/${child.pid}/exe`) === this.#pause);
    await space.ip('link set lo up');
    return space;
  }

  async spaces<N extends readonly string[]>(...names: N): Promise<{ [K in keyof N]: NetSpace }> {
    return (await Promise.all(names.map((name) => this.space(name)))) as { [K in keyof N]: NetSpace };
  }

  /** A cable between two spaces, up on both ends. */
  async cable(one: CableEnd, other: CableEnd): Promise<void> {
    const [from, device, ...addresses] = one;
    const [to, peer, ...peerAddresses] = other;
    await from.ip(`link add ${device} type veth peer name ${peer} netns ${to.pid}`);
    await from.addresses(device, ...addresses);
    await to.addresses(peer, ...peerAddresses);
  }

  /** A pod of a node as the `ptp` plugin makes it: a cable, the address alone on the pod's side, and the way out by `gateway`. */
  async pod(node: NetSpace, name: string, address: string, gateway = '10.42.0.1'): Promise<NetSpace> {
    const pod = await this.space(name);
    const device = `v-${name}`.slice(0, 15);
    await this.cable([node, device], [pod, 'eth0']);
    const isV6 = address.includes(':');
    const [family, whole] = isV6 ? ['-6', 128] : ['-4', 32];
    const noDad = isV6 ? ' nodad' : '';
    await node.ip(`${family} address replace ${gateway}/${whole} dev ${device}${noDad}`);
    await node.ip(`${family} route add ${address}/${whole} dev ${device}`);
    await pod.ip(`${family} address add ${address}/${whole} dev eth0${noDad}`);
    await pod.ip(`${family} route add ${gateway}/${whole} dev eth0`);
    await pod.ip(`${family} route add default via ${gateway} dev eth0`);
    return pod;
  }

  /** Ends everything that runs in the spaces, and the spaces. */
  async close(): Promise<void> {
    for (const space of this.#spaces.splice(0).toReversed()) await space.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class NetSpace {
  readonly name: string;
  readonly #holder: ChildProcess;
  readonly #children = new Set<NetProcess>();

  constructor(name: string, holder: ChildProcess) {
    this.name = name;
    this.#holder = holder;
  }

  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** The command that runs `argv` in this space, on the machine's own disk and among its processes. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', '--target', String(this.pid), '--net', '--', ...argv];
  }

  /** Runs a program to its end; never rejects for an exit code. */
  run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [program = '', ...args] = this.inside(argv);
    return run(program, args, options);
  }

  /** What it wrote. @throws where it failed */
  async must(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(argv);
    assert.equal(code, 0, `${this.name}: ${argv.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  }

  /** `ip` with its arguments in one line. */
  ip(line: string): Promise<string> {
    return this.must('ip', ...line.split(' '));
  }

  /** What `ip -j` tells. */
  async json<T = readonly Readonly<Record<string, unknown>>[]>(line: string): Promise<T> {
    return JSON.parse((await this.ip(`-j ${line}`)) || '[]') as T;
  }

  async addresses(device: string, ...addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      await this.ip(`address add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
    }
    await this.ip(`link set ${device} up`);
  }

  /** `net.ipv4.ip_forward`: reads it, and writes it where a value is given. */
  async sysctl(name: string, value?: string | number): Promise<string> {
    const file = `/proc/sys/${name.replaceAll('.', '/')}`;
    if (value !== undefined) await this.must('sh', '-c', `echo ${value} >${file}`);
    return (await this.must('cat', file)).trim();
  }

  /** Loads text in nft's language. */
  async nft(text: string): Promise<void> {
    const { code, stderr } = await this.run(['nft', '-f', '-'], { input: text });
    assert.equal(code, 0, `${this.name}: nft: ${stderr}\n${text}`);
  }

  /** A program that runs until it is stopped, or the space is closed. */
  spawn(argv: readonly string[], options: { env?: Readonly<Record<string, string>> } = {}): NetProcess {
    const started = new NetProcess(this.inside(argv), options.env ?? {});
    this.#children.add(started);
    return started;
  }

  /** A script of this project with the tests' Node.js. */
  script(file: string, ...args: readonly string[]): NetProcess {
    return this.spawn([process.execPath, path.join(root, file), ...args]);
  }

  /**
   * A server that says who asks (`echo-server.ts`), on all addresses of both families: `tcp:7`, `udp:7`, `http:80`, `http:80:delayMs=100`.
   * One process for all that are named. Resolves when it listens.
   */
  async echo(...listeners: readonly string[]): Promise<NetProcess> {
    const server = this.script('test/network/echo-server.ts', this.name, ...listeners);
    await server.says('listening');
    return server;
  }

  /** @throws with curl-like words where nobody answers within `timeoutMs` */
  async http(url: string, headers: Readonly<Record<string, string>> = {}, timeoutMs = 3000): Promise<EchoReply> {
    return JSON.parse(await this.#ask('http', url, timeoutMs, JSON.stringify(headers))) as EchoReply;
  }

  /** The first line that the echo server says: `SERVER CLIENT-ADDRESS CLIENT-PORT`. */
  tcp(address: string, port: number, timeoutMs = 3000): Promise<string> {
    return this.#ask('tcp', `${address} ${port}`, timeoutMs);
  }

  /** The same over UDP. @param from the port to send from */
  udp(address: string, port: number, timeoutMs = 3000, from = 0): Promise<string> {
    return this.#ask('udp', `${address} ${port} ${from}`, timeoutMs);
  }

  /** Sends so many bytes over TCP to the echo server, which all come back. */
  async bulk(address: string, port: number, bytes: number, timeoutMs = 10_000): Promise<void> {
    await this.#ask('bulk', `${address} ${port} ${bytes}`, timeoutMs);
  }

  /** A connection to the echo server with a byte every 20 ms. The result ends it, and says how long (ms) it was without an answer at most. */
  async stream(address: string, port: number): Promise<() => Promise<number>> {
    const client = this.script('test/network/echo-client.ts', 'stream', `${address} ${port}`);
    await client.says('connected');
    return async () => {
      await client.stop();
      const [, longestMs] = /^longest (\d+)$/m.exec(client.text) ?? [];
      if (longestMs === undefined) throw new Error(`the stream broke off: ${client.text}`);
      return Number(longestMs);
    };
  }

  async #ask(kind: string, what: string, timeoutMs: number, more = ''): Promise<string> {
    const client = path.join(root, 'test/network/echo-client.ts');
    const { code, stdout, stderr } = await this.run([process.execPath, client, kind, what, String(timeoutMs), more]);
    if (code !== 0) throw new Error(`${this.name}: ${kind} ${what}: ${stderr.trim()}`);
    return stdout.trim();
  }

  async close(): Promise<void> {
    for (const child of this.#children) await child.stop('SIGKILL');
    const ended = this.#holder.exitCode === null && this.#holder.signalCode === null && once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await ended;
  }
}

/** A program in a space; it ends with the test's process, too. */
export class NetProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  #text = '';

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A program may end without reading what it is given.
    this.child.stdin?.on('error', () => {});
    for (const output of [this.child.stdout, this.child.stderr]) {
      output?.setEncoding('utf8').on('data', (chunk: string) => (this.#text += chunk));
    }
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()));
  }

  /** What it has written so far, to both outputs. */
  get text(): string {
    return this.#text;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Resolves when it has written `words`; rejects where it ends before. */
  async says(words: string, timeoutMs = 10_000): Promise<void> {
    const heard = eventually(
      `the program says ${words}; it said ${this.#text}`,
      () => this.#text.includes(words) || (this.isRunning ? undefined : 'ended'),
      timeoutMs,
    );
    if ((await heard) === 'ended') throw new Error(`the program ended without ${words}:\n${this.#text}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.isRunning) this.child.kill(signal);
    await this.ended;
  }
}
