/**
 * The gateway: requests through HAProxy as naru configures it for 100 hosts, beside the same HAProxy with the few lines that a person would write for the
 * same hosts and paths. One thread each, by turns, in the same run; servers are a third HAProxy that answers by itself. Plain and over TLS.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { defaultCertificate } from '../../src/network/gateway/default-certificate.ts';
import { Haproxy } from '../../src/network/gateway/haproxy/process.ts';
import { findProgram } from '../../src/network/gateway/haproxy/program.ts';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Plan } from '../../src/network/gateway/plan.ts';
import { eventually, freePort } from '../../test/harness.ts';
import type { Figure } from '../figure.ts';
import { family, type Load, rssBytes, Wrk } from './ingress-load.ts';

const clock = new RealClock({ keepsAlive: true });
const hosts = Array.from({ length: 100 }, (_, index) => `site-${index}.example.com`);
const paths = ['/', '/api', '/assets'];
const target = '/api/items/17?page=2';

interface Ports {
  readonly http: number;
  readonly https: number;
}

/** One of the two under load. */
interface Side {
  readonly ports: Ports;
  /** Whose processor time counts. */
  readonly pids: readonly number[];
}

export async function ingressFigures({ small }: { readonly small: boolean }): Promise<readonly Figure[]> {
  if (process.platform !== 'linux' || !isInstalled()) return [];
  const [rounds, seconds] = small ? [3, 1] : [5, 4];
  const bench = await IngressBench.start();
  try {
    const plain = await bench.compare('http', rounds, seconds);
    const encrypted = await bench.compare('https', rounds, seconds);
    return [...figures('plain', plain), ...figures('over TLS', encrypted), ...bench.memory()];
  } finally {
    await bench.close();
  }
}

function isInstalled(): boolean {
  try {
    return findProgram() !== '';
  } catch {
    return false;
  }
}

type Comparison = readonly [own: readonly Load[], byHand: readonly Load[]];

class IngressBench {
  readonly #folder: string;
  readonly #haproxy: Haproxy;
  readonly #children: readonly ChildProcess[];
  #wrk!: Wrk;
  #sides!: readonly [Side, Side];

  private constructor(folder: string, haproxy: Haproxy, children: readonly ChildProcess[]) {
    this.#folder = folder;
    this.#haproxy = haproxy;
    this.#children = children;
  }

  static async start(): Promise<IngressBench> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-bench-'));
    const [server, ...four] = (await Promise.all(Array.from({ length: 5 }, freePort))) as [number, ...number[]];
    const [own, byHand] = [portsOf(four.slice(0, 2)), portsOf(four.slice(2))];
    const { pem } = await defaultCertificate(path.join(folder, 'certificate.pem'), clock.now());
    const children = [
      startByHand(folder, 'server', serverText(server)),
      startByHand(folder, 'by-hand', byHandText(folder, byHand, server)),
    ];
    const haproxy = new Haproxy({ folder: path.join(folder, 'own'), id: 'be9c4000', clock, log: silentLogger });
    const bench = new IngressBench(folder, haproxy, children);
    try {
      await haproxy.apply(planOf(own, server, pem), { threads: 1, connectionsMax: 4000, accessLog: 'off' });
      bench.#wrk = await Wrk.make(folder, hosts, target);
      bench.#sides = [
        { ports: own, pids: family(haproxy.pid as number) },
        { ports: byHand, pids: [children[1]?.pid as number] },
      ];
      for (const { http } of [own, byHand])
        await eventually('an answer', () => fetch(`http://127.0.0.1:${http}`).then(() => true));
      return bench;
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  /** By turns, so that both meet the same machine. The first round warms up, and does not count. */
  async compare(scheme: keyof Ports, rounds: number, seconds: number): Promise<Comparison> {
    const loads: [Load[], Load[]] = [[], []];
    for (let round = 0; round < 2 * rounds + 1 && Math.min(...loads.map(({ length }) => length)) < rounds; round++) {
      for (const [index, { ports, pids }] of this.#sides.entries()) {
        const load = await this.#wrk.load(`${scheme}://127.0.0.1:${ports[scheme]}`, seconds, pids);
        if (round > 0 && load !== undefined) loads[index]?.push(load);
      }
    }
    return loads;
  }

  memory(): Figure[] {
    const [own, byHand] = this.#sides;
    const [master, worker] = own.pids.map(rssBytes);
    const mebibytes = (bytes: number | undefined): number => Math.round((bytes ?? Number.NaN) / 2 ** 20);
    const of = `HAProxy with ${hosts.length} hosts`;
    return [
      {
        bench: 'network',
        figure: `${of}, memory of its worker`,
        value: mebibytes(worker),
        unit: 'MiB',
        baseline: mebibytes(rssBytes(byHand.pids[0] as number)),
        ratio: Number(((worker ?? Number.NaN) / rssBytes(byHand.pids[0] as number)).toFixed(2)),
      },
      { bench: 'network', figure: `${of}, memory of its master`, value: mebibytes(master), unit: 'MiB' },
    ];
  }

  async close(): Promise<void> {
    await this.#haproxy.stop();
    await this.#haproxy.close();
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const portsOf = (ports: readonly number[]): Ports => ({ http: ports[0] as number, https: ports[1] as number });

function planOf(ports: Ports, server: number, pem: string): Plan {
  const virtualHosts = hosts.map((host) => make.host(host, ...paths.map((prefix) => make.route(prefix, host))));
  const backends = hosts.map((host) => make.backend(host, [make.server(server)]));
  const certificates = [make.certificate('*', pem)];
  return make.plan(
    [make.entry(ports.http, virtualHosts), make.entry(ports.https, virtualHosts, { protocol: 'https', certificates })],
    backends,
  );
}

const common = [
  'global',
  '  nbthread 1',
  '  maxconn 4000',
  'defaults',
  '  mode http',
  '  timeout connect 5s',
  '  timeout client 60s',
  '  timeout server 60s',
];

function serverText(port: number): string[] {
  const answer = `http-request return status 200 content-type text/plain string '${'x'.repeat(200)}'`;
  return [...common, 'frontend server', `  bind 127.0.0.1:${port}`, `  ${answer}`];
}

/** Two lines for where a request goes, one for who asked. */
function byHandText(folder: string, ports: Ports, server: number): string[] {
  const map = path.join(folder, 'hosts.map');
  writeFileSync(map, hosts.flatMap((host) => paths.map((prefix) => `${host}${prefix} ${host}\n`)).join(''));
  return [
    ...common,
    'frontend by-hand',
    `  bind 127.0.0.1:${ports.http}`,
    `  bind 127.0.0.1:${ports.https} ssl crt ${path.join(folder, 'certificate.pem')} alpn h2,http/1.1`,
    '  option forwardfor',
    '  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]',
    `  use_backend %[base,map_beg(${map})]`,
    ...hosts.flatMap((host) => [`backend ${host}`, `  server one 127.0.0.1:${server}`]),
  ];
}

function startByHand(folder: string, name: string, lines: readonly string[]): ChildProcess {
  const file = path.join(folder, `${name}.cfg`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return spawn(findProgram(), ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function figures(how: string, [own, byHand]: Comparison): Figure[] {
  const row = (name: string, unit: string, of: (load: Load) => number, digits: number): Figure => {
    const [value, baseline] = [median(own.map(of)), median(byHand.map(of))].map((one) => Number(one.toFixed(digits)));
    return {
      bench: 'network',
      figure: `${name} through the gateway, ${how}`,
      value: value as number,
      unit,
      baseline: baseline as number,
      ratio: Number(((value as number) / (baseline as number)).toFixed(2)),
    };
  };
  return [
    row('requests', '/s', ({ perSecond }) => perSecond, 0),
    row('requests per second of its own core', '/s', ({ perCpuSecond }) => perCpuSecond, 0),
    row('request, p99,', 'ms', ({ p99Ms }) => p99Ms, 2),
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
