/**
 * The cluster's DNS: how many answers a core gives, and how long they take. Answers are counted by the server's own processor time, since the machine is
 * shared; the baseline is a program that only sends back what it gets, with the same runtime and flags, in the same run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import dnsPacket from 'dns-packet';
import { RealClock } from '../../src/lib/clock.ts';
import { addressAsItIs } from '../../src/network/dns/upstream.ts';
import type { Figure } from '../figure.ts';
import { agentProgram } from './agent-program.ts';

const clock = new RealClock({ keepsAlive: true });

interface Server {
  readonly port: number;
  usage(): Promise<{ readonly cpuMicros: number; readonly rss: number }>;
  close(): void;
}

async function startServer(program: readonly string[], kind: 'naru' | 'bare', services: number): Promise<Server> {
  const [runtime = '', ...args] = program;
  const child = spawn(runtime, [...args, kind, String(services)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { port } = await nextLine<{ port: number }>(child);
  return {
    port,
    usage: () => {
      const answered = nextLine<{ cpuMicros: number; rss: number }>(child);
      child.stdin?.write('\n');
      return answered;
    },
    close: () => void child.kill(),
  };
}

function nextLine<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the name server of the benchmark ended'));
    child.once('exit', ended);
    child.stdout?.once('data', (bytes: Buffer) => {
      child.off('exit', ended);
      resolve(JSON.parse(bytes.toString()) as T);
    });
  });
}

/** What pods ask: half for addresses of IPv4, a third for those of IPv6, the rest for names that end in a search path. */
function questions(services: number): readonly Buffer[] {
  return Array.from({ length: 2000 }, (_, index) => {
    const service = `web-${index % services}.shop.svc.cluster.local`;
    const name = index % 6 === 5 ? `${service}.shop.svc.cluster.local` : service;
    const type = index % 6 < 3 ? 'A' : 'AAAA';
    return dnsPacket.encode({ type: 'query', flags: dnsPacket.RECURSION_DESIRED, questions: [{ type, name }] });
  });
}

interface Load {
  /** By the server's processor time. */
  readonly perCpuSecond: number;
  readonly p99Ms: number;
  readonly rss: number;
}

/** @param perSecond questions, evenly; else as many as are answered, 64 at a time */
async function load(server: Server, asked: readonly Buffer[], total: number, perSecond?: number): Promise<Load> {
  const socket = dgram.createSocket({ type: 'udp4', lookup: addressAsItIs, recvBufferSize: 1 << 20 });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()));
  const sentMs = new Float64Array(65_536);
  const tookMs: number[] = [];
  let sent = 0;
  const send = (): void => {
    const bytes = Buffer.from(asked[sent % asked.length] as Buffer);
    bytes.writeUInt16BE(sent & 0xffff, 0);
    sentMs[sent & 0xffff] = clock.monotonic();
    sent++;
    socket.send(bytes, 0, bytes.length, server.port, '127.0.0.1');
  };
  const before = await server.usage();
  const startedMs = clock.monotonic();
  socket.on('message', (bytes) => {
    tookMs.push(clock.monotonic() - (sentMs[bytes.readUInt16BE(0)] as number));
    if (perSecond === undefined && sent < total) send();
  });
  if (perSecond === undefined) for (let index = 0; index < 64; index++) send();
  let seen = -1;
  // Until all are answered, or no more come.
  for (let idle = 0; tookMs.length < total && idle < 200; idle = tookMs.length === seen ? idle + 1 : 0) {
    seen = tookMs.length;
    const due = perSecond === undefined ? 0 : Math.min(total, ((clock.monotonic() - startedMs) / 1000) * perSecond);
    for (let number = sent; number < due; number++) send();
    await clock.sleep(1);
  }
  const after = await server.usage();
  socket.close();
  const sorted = tookMs.toSorted((a, b) => a - b);
  return {
    perCpuSecond: Math.round((tookMs.length / (after.cpuMicros - before.cpuMicros)) * 1e6),
    p99Ms: Number((sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN).toFixed(2)),
    rss: after.rss,
  };
}

const rounds = 5;

/** By turns, so that both meet the same machine; of each the middle round counts. */
async function steadyFigure(
  servers: readonly [naru: Server, bare: Server],
  asked: readonly Buffer[],
  total: number,
  perSecond: number,
): Promise<Figure> {
  const p99s = servers.map((): number[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, server] of servers.entries())
      p99s[index]?.push((await load(server, asked, total, perSecond)).p99Ms);
  const [value, baseline] = p99s.map((all) => all.toSorted((a, b) => a - b)[rounds >> 1]) as [number, number];
  const figure = `DNS answer at ${perSecond.toLocaleString('en')} a second, p99`;
  return { bench: 'network', figure, value, unit: 'ms', baseline, ratio: ratio(value, baseline) };
}

const ratio = (one: number, other: number): number => Number((one / other).toFixed(2));

export async function dnsFigures({ small }: { readonly small: boolean }): Promise<readonly Figure[]> {
  const services = small ? 100 : 10_000;
  const total = small ? 10_000 : 200_000;
  const asked = questions(services);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-bench-'));
  const program = agentProgram('dns-server.ts', folder);
  const [naru, bare] = await Promise.all([startServer(program, 'naru', services), startServer(program, 'bare', 0)]);
  try {
    await load(naru, asked, asked.length * 2);
    const busy = await load(naru, asked, total);
    const baseline = await load(bare, asked, total);
    const steady: Figure[] = [];
    for (const perSecond of [5000, 20_000]) steady.push(await steadyFigure([naru, bare], asked, total / 10, perSecond));
    return [
      {
        bench: 'network',
        figure: 'DNS answers per second of one core',
        value: busy.perCpuSecond,
        unit: '/s',
        baseline: baseline.perCpuSecond,
        ratio: ratio(busy.perCpuSecond, baseline.perCpuSecond),
      },
      ...steady,
      {
        bench: 'network',
        figure: `DNS of ${services} Services, memory beside a bare server`,
        value: Math.round((busy.rss - baseline.rss) / 2 ** 20),
        unit: 'MiB',
      },
    ];
  } finally {
    naru.close();
    bare.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
