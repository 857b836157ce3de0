/** A real name server for tests: Knot DNS out of Debian's packages, on a free port of the loopback, with a zone that takes transfers and updates by a key. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fetchDebianPackages } from '../../tools/debian-package.ts';
import { eventually, root, run } from '../harness.ts';

const libraries = [
  'libknot13',
  'libzscanner4',
  'libdnssec9',
  'liblmdb0',
  'liburcu8',
  'libxdp1',
  'libbpf1',
  'libcap-ng0',
];

export const knotKey = {
  name: 'naru-key',
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 'k').toString('base64'),
} as const;

export interface KnotOptions {
  readonly zone: string;
  /** Lines of its zone file beside SOA and NS. */
  readonly records: readonly string[];
  /** What the key may do: `[transfer, update]` where absent. */
  readonly actions?: readonly ('transfer' | 'update')[];
}

export class KnotLab {
  readonly port: number;
  readonly #folder: string;
  readonly #program: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, program: string, env: NodeJS.ProcessEnv) {
    this.port = port;
    this.#folder = folder;
    this.#program = program;
    this.#env = env;
  }

  static async open({ zone, records, actions = ['transfer', 'update'] }: KnotOptions): Promise<KnotLab> {
    const packages = await fetchDebianPackages(['knot', ...libraries], 'bookworm', path.join(root, '.cache'));
    const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    const paths = libraries.flatMap((name) =>
      [`usr/lib/${triple}`, `lib/${triple}`].map((part) => path.join(packages.get(name) as string, part)),
    );
    const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-knot-'));
    chmodSync(folder, 0o700);
    for (const name of ['run', 'zones', 'db']) mkdirSync(path.join(folder, name));
    const port = await freePort();
    writeFileSync(path.join(folder, 'zones/zone'), zoneText(zone, records));
    writeFileSync(path.join(folder, 'knot.conf'), configText(folder, port, zone, actions));
    const env = { ...process.env, LD_LIBRARY_PATH: paths.join(':') };
    const lab = new KnotLab(port, folder, path.join(packages.get('knot') as string, 'usr/sbin/knotd'), env);
    await lab.start();
    return lab;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const child = spawn(this.#program, ['-c', path.join(this.#folder, 'knot.conf')], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += String(part)));
    await eventually('knot answers', async () => {
      if (child.exitCode !== null) throw new Error(`knotd ended: ${said}`);
      return (await this.dig('-x', '127.0.0.1')).includes('REFUSED') || undefined;
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What dig says. */
  async dig(...words: readonly string[]): Promise<string> {
    const { stdout } = await run('dig', ['@127.0.0.1', '-p', String(this.port), '+tries=1', '+time=2', ...words]);
    return stdout;
  }

  /** The values of a name's records, between spaces. */
  async look(name: string, type = 'A'): Promise<string> {
    return (await this.dig('+short', name, type)).trim().split('\n').sort().join(' ');
  }
}

const zoneText = (zone: string, records: readonly string[]): string =>
  [
    `$ORIGIN ${zone}.`,
    '$TTL 60',
    '@ SOA ns hostmaster 1 3600 600 86400 60',
    '@ NS ns',
    'ns A 127.0.0.1',
    ...records,
    '',
  ].join('\n');

/** Zones are named `zone` on disk, whatever they are called. */
const configText = (folder: string, port: number, zone: string, actions: readonly string[]): string => `
server:
    listen: 127.0.0.1@${port}
    rundir: ${folder}/run
    pidfile: ${folder}/run/knot.pid
database:
    storage: ${folder}/db
log:
  - target: stderr
    any: info
key:
  - id: ${knotKey.name}
    algorithm: ${knotKey.algorithm}
    secret: ${knotKey.secret}
acl:
  - id: naru
    key: ${knotKey.name}
    action: [${actions.join(', ')}]
zone:
  - domain: ${zone}
    file: ${folder}/zones/zone
    acl: naru
`;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
