/**
 * What the API costs over the wire: reads beside a bare node:http2 server that sends the same bytes, durable creates, fan-out
 * to watchers, and memory. Client and servers are processes of their own, everything over TLS.
 */

import { RealClock } from '../src/lib/clock.ts';
import { connectBare, connectTo, drain, openWatchers, send, timed } from './api/load.ts';
import { configMapBody, podBody } from './api/objects.ts';
import { type ServerProcess, startBareProcess, startServerProcess } from './api/processes.ts';
import type { Benchmark, Figure } from './figure.ts';

interface Sizes {
  readonly gets: number;
  readonly lists: number;
  readonly creates: number;
  readonly watchers: number;
  readonly events: number;
  readonly nodeWatchers: number;
  readonly writes: number;
  /** Each is a figure: memory with so many pods. */
  readonly pods: readonly number[];
  /** Before memory is measured: the engine gives back what a burst has taken when nothing has happened for some ten seconds. */
  readonly idleMs: number;
}

const large: Sizes = {
  gets: 20_000,
  lists: 300,
  creates: 10_000,
  watchers: 1_000,
  events: 400_000,
  nodeWatchers: 5_000,
  writes: 1_000,
  pods: [10_000, 100_000],
  idleMs: 15_000,
};
const small: Sizes = {
  gets: 2_000,
  lists: 20,
  creates: 1_000,
  watchers: 200,
  events: 20_000,
  nodeWatchers: 500,
  writes: 100,
  pods: [1_000],
  idleMs: 0,
};

const pods = '/api/v1/namespaces/default/pods';
const configMaps = '/api/v1/namespaces/default/configmaps';

const benchmark: Benchmark = {
  name: 'api',
  async run(options) {
    const sizes = options.small ? small : large;
    return [
      ...(await onServer((server) => reads(server, sizes))),
      ...(await onServer((server) => creates(server, sizes))),
      ...(await onServer((server) => fanOut(server, sizes))),
      ...(await onServer((server) => nodeWatches(server, sizes))),
      ...(await onServer((server) => memory(server, sizes))),
    ];
  },
};

export default benchmark;

async function onServer<T>(work: (server: ServerProcess) => Promise<T>): Promise<T> {
  const server = await startServerProcess();
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

async function fill(server: ServerProcess, first: number, last: number, clients: number): Promise<number> {
  const sessions = Array.from({ length: clients }, () => connectTo(server.config));
  try {
    return await timed(last - first, clients, (index, worker) =>
      send(sessions[worker] as (typeof sessions)[number], pods, 'POST', podBody(`web-${first + index}`)),
    );
  } finally {
    for (const session of sessions) session.destroy();
  }
}

const rounds = 10;

/** In turns, after a warm-up, so that a busy machine slows both alike. */
async function reads(server: ServerProcess, sizes: Sizes): Promise<Figure[]> {
  await fill(server, 0, 500, 16);
  const session = connectTo(server.config);
  const one = `${pods}/web-1`;
  const all = `${pods}?resourceVersion=0`;
  const bodies = new Map([
    [one, (await send(session, one)).body],
    [all, (await send(session, all)).body],
  ]);
  const bare = await startBareProcess(bodies);
  const bareSession = connectBare(bare.address, bare.authority);
  const rate = async (path: string, total: number, concurrency: number): Promise<readonly [number, number]> => {
    const spentMs = [0, 0];
    const perRound = Math.ceil(total / rounds);
    for (let round = 0; round <= rounds; round++) {
      for (const [index, each] of [session, bareSession].entries()) {
        const ms = await timed(perRound, concurrency, () => drain(each, path));
        if (round > 0) spentMs[index] = (spentMs[index] ?? 0) + ms;
      }
    }
    const [ours, theirs] = spentMs.map((ms) => (perRound * rounds * 1000) / ms);
    return [ours ?? 0, theirs ?? 0];
  };
  try {
    const [gets, bareGets] = await rate(one, sizes.gets, 64);
    const [lists, bareLists] = await rate(all, sizes.lists, 4);
    const megabytes = (bodies.get(all)?.length ?? 0) / 1e6;
    return [
      figure('GET of one pod', gets, 'requests/s', bareGets),
      figure('LIST of 500 pods', lists * megabytes, 'MB/s', bareLists * megabytes),
    ];
  } finally {
    session.destroy();
    bareSession.destroy();
    await bare.close();
  }
}

/** The baseline is the same with one client: what a commit alone allows. */
async function creates(server: ServerProcess, { creates: total }: Sizes): Promise<Figure[]> {
  const warmUp = Math.ceil(total / 10);
  await fill(server, 0, warmUp, 64);
  const few = Math.ceil(total / 20);
  const aloneMs = await fill(server, warmUp, warmUp + few, 1);
  const togetherMs = await fill(server, warmUp + few, warmUp + few + total, 64);
  return [
    figure('durable creates of pods, 64 clients', (total * 1000) / togetherMs, 'creates/s', (few * 1000) / aloneMs),
  ];
}

const writesUnderWay = 16;

/** One writer, with a few writes under way, each to an object of its own, on objects that everybody watches. */
async function fanOut(server: ServerProcess, sizes: Sizes): Promise<Figure[]> {
  const session = connectTo(server.config);
  const names = Array.from({ length: writesUnderWay }, (_, index) => `watched-${index}`);
  for (const name of names) await send(session, configMaps, 'POST', configMapBody(name, 'first'));
  const paths = Array.from({ length: sizes.watchers }, () => `${configMaps}?watch=1`);
  const watchers = await openWatchers(server.config, paths, 100);
  const write = (index: number, worker: number): Promise<unknown> => {
    const name = names[worker] as string;
    return send(session, `${configMaps}/${name}`, 'PUT', configMapBody(name, `text ${index}`));
  };
  try {
    await watchers.reached(sizes.watchers * names.length);
    const writes = Math.ceil(sizes.events / sizes.watchers);
    const before = watchers.events();
    const ms = await timed(1, 1, async () => {
      await timed(writes, writesUnderWay, write);
      await watchers.reached(before + writes * sizes.watchers);
    });
    return [
      figure(`events of one writer to ${sizes.watchers} watchers`, (writes * sizes.watchers * 1000) / ms, 'events/s'),
    ];
  } finally {
    watchers.close();
    session.destroy();
  }
}

/** Every node watches its own pods: many of them must not slow a write to one. */
async function nodeWatches(server: ServerProcess, sizes: Sizes): Promise<Figure[]> {
  const session = connectTo(server.config);
  await send(session, pods, 'POST', podBody('on-node-0', 'node-0'));
  const path = (node: number): string => `${pods}?watch=1&fieldSelector=spec.nodeName=node-${node}`;
  const writeMs = async (watching: number): Promise<number> => {
    const paths = Array.from({ length: watching }, (_, node) => path(node));
    const watchers = await openWatchers(server.config, paths, 500);
    try {
      const write = (index: number): Promise<unknown> => {
        const patch = Buffer.from(JSON.stringify({ metadata: { annotations: { write: `${watching}-${index}` } } }));
        return sendPatch(session, `${pods}/on-node-0`, patch);
      };
      await timed(sizes.writes / 5, 1, write);
      return (await timed(sizes.writes, 1, (index) => write(index + sizes.writes))) / sizes.writes;
    } finally {
      watchers.close();
    }
  };
  try {
    const fewMs = await writeMs(5);
    return [
      figure(
        `a write beside ${sizes.nodeWatchers} watchers of other nodes' pods`,
        await writeMs(sizes.nodeWatchers),
        'ms',
        fewMs,
      ),
    ];
  } finally {
    session.destroy();
  }
}

function sendPatch(session: ReturnType<typeof connectTo>, path: string, body: Buffer): Promise<unknown> {
  return send(session, path, 'PATCH', body, 'application/merge-patch+json');
}

const clock = new RealClock({ keepsAlive: true });

/** Resident memory of a server that is idle, without pods and with them. */
async function memory(server: ServerProcess, sizes: Sizes): Promise<Figure[]> {
  const resident = async (): Promise<number> => {
    await clock.sleep(sizes.idleMs);
    return server.residentBytes();
  };
  const idle = await resident();
  const figures = [figure('resident when idle', idle / 2 ** 20, 'MiB')];
  let stored = 0;
  for (const count of sizes.pods) {
    await fill(server, stored, count, 32);
    stored = count;
    const perPod = ((await resident()) - idle) / count / 1024;
    figures.push(figure(`resident for each of ${count} pods`, perPod, 'KiB'));
  }
  return figures;
}

function figure(what: string, value: number, unit: string, baseline?: number): Figure {
  const rounded = round(value);
  if (baseline === undefined) return { bench: 'api', figure: what, value: rounded, unit };
  return { bench: 'api', figure: what, value: rounded, unit, baseline: round(baseline), ratio: value / baseline };
}

/** Three digits are all that such a measurement has. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
