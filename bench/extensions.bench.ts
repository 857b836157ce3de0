/**
 * What custom resources cost: creating one beside a ConfigMap of the same size, and a server with many heavy definitions: its memory, its
 * discovery right after a change, and its start. Client and server are processes of their own. And what rules in CEL cost (`extensions/rules.ts`).
 */
import { RealClock } from '../src/lib/clock.ts';
import { connectTo, send, timed } from './api/load.ts';
import { RestartableServer, type ServerProcess } from './api/processes.ts';
import { configMapBody, heavyDefinitions, websiteBody, websiteDefinition } from './extensions/definitions.ts';
import { ruleFigures } from './extensions/rules.ts';
import type { Benchmark, Figure } from './figure.ts';

interface Sizes {
  readonly creates: number;
  readonly definitions: number;
  readonly rounds: number;
  /** Before memory is measured. */
  readonly idleMs: number;
}

const large: Sizes = { creates: 4_000, definitions: 500, rounds: 10, idleMs: 15_000 };
const small: Sizes = { creates: 400, definitions: 10, rounds: 3, idleMs: 0 };

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const websites = '/apis/bench.example.com/v1/namespaces/default/websites';
const configMaps = '/api/v1/namespaces/default/configmaps';
const clients = 32;
const clock = new RealClock({ keepsAlive: true });

const benchmark: Benchmark = {
  name: 'extensions',
  async run(options) {
    const sizes = options.small ? small : large;
    const server = new RestartableServer();
    try {
      return [
        ...(await running(server, (each) => creates(each, sizes))),
        ...(await heavy(server, sizes)),
        ...ruleFigures(options.small),
      ];
    } finally {
      server.remove();
    }
  },
};

export default benchmark;

async function running<T>(server: RestartableServer, work: (each: ServerProcess) => Promise<T>): Promise<T> {
  const each = await server.start();
  try {
    return await work(each);
  } finally {
    await each.close();
  }
}

type Session = ReturnType<typeof connectTo>;

async function established(session: Session, collection: string): Promise<void> {
  for (;;) {
    const found = await send(session, `${collection}?limit=1`).then(
      () => true,
      () => false,
    );
    if (found) return;
    await clock.sleep(5);
  }
}

/** In turns, after a warm-up, so that a busy machine slows both alike. */
async function creates(server: ServerProcess, sizes: Sizes): Promise<Figure[]> {
  const sessions = Array.from({ length: clients }, () => connectTo(server.config));
  const [first] = sessions as [Session];
  await send(first, definitions, 'POST', websiteDefinition());
  await established(first, websites);
  const kinds = [
    { path: websites, body: websiteBody },
    { path: configMaps, body: configMapBody },
  ] as const;
  const perRound = Math.ceil(sizes.creates / sizes.rounds);
  const spentMs = [0, 0];
  for (let round = 0; round <= sizes.rounds; round++) {
    for (const [index, { path, body }] of kinds.entries()) {
      const create = (item: number, worker: number): Promise<unknown> =>
        send(sessions[worker] as Session, path, 'POST', body(`item-${round}-${item}`));
      const ms = await timed(perRound, clients, create);
      if (round > 0) spentMs[index] = (spentMs[index] ?? 0) + ms;
    }
  }
  for (const session of sessions) session.destroy();
  const [custom = 0, builtin = 0] = spentMs.map((ms) => (perRound * sizes.rounds * 1000) / ms);
  return [figure('creates of a custom resource, beside ConfigMaps', custom, 'creates/s', builtin)];
}

async function heavy(server: RestartableServer, sizes: Sizes): Promise<Figure[]> {
  const emptyMs = await startMs(server);
  const installed = await running(server, (each) => install(each, sizes));
  const fullMs = await startMs(server);
  const afterStart = await running(server, (each) => resident(each, sizes));
  const many = `${sizes.definitions} heavy definitions`;
  return [
    ...installed,
    figure(`start with ${many}`, fullMs, 'ms', emptyMs),
    figure(`resident after a start with ${many}`, afterStart, 'MiB'),
  ];
}

/** Until it answers. */
async function startMs(server: RestartableServer): Promise<number> {
  const since = clock.monotonic();
  const each = await server.start();
  const ms = clock.monotonic() - since;
  await each.close();
  return ms;
}

async function resident(server: ServerProcess, { idleMs }: Sizes): Promise<number> {
  await clock.sleep(idleMs);
  return (await server.residentBytes()) / 2 ** 20;
}

async function install(server: ServerProcess, sizes: Sizes): Promise<Figure[]> {
  const session = connectTo(server.config);
  const definition = heavyDefinitions();
  const create = (index: number): Promise<unknown> => send(session, definitions, 'POST', definition(index));
  const served = (index: number): Promise<void> =>
    established(session, `/apis/group${index}.example.com/v1/heavy${index}s`);
  try {
    const idle = await resident(server, sizes);
    const without = await discoveryMs(session);
    const ms = await timed(sizes.definitions, 4, create);
    await served(sizes.definitions - 1);
    const many = `${sizes.definitions} heavy definitions`;
    const after: number[] = [];
    for (let round = 0; round < sizes.rounds; round++) {
      const index = sizes.definitions + round;
      await create(index);
      await served(index);
      after.push(await discoveryMs(session));
    }
    const memory = await resident(server, sizes);
    return [
      figure('installing heavy definitions', (sizes.definitions * 1000) / ms, 'definitions/s'),
      figure(`discovery after a change, with ${many}`, median(after), 'ms', without),
      figure(`OpenAPI's index, with ${many}`, await timed(1, 1, () => send(session, '/openapi/v3')), 'ms'),
      figure(`resident with ${many}`, memory, 'MiB', idle),
    ];
  } finally {
    session.destroy();
  }
}

/** As kubectl asks. */
async function discoveryMs(session: Session): Promise<number> {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  return timed(1, 1, () =>
    Promise.all(['/api', '/apis'].map((path) => send(session, path, 'GET', undefined, undefined, accept))),
  );
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

function figure(what: string, value: number, unit: string, baseline?: number): Figure {
  const rounded = round(value);
  if (baseline === undefined) return { bench: 'extensions', figure: what, value: rounded, unit };
  return {
    bench: 'extensions',
    figure: what,
    value: rounded,
    unit,
    baseline: round(baseline),
    ratio: value / baseline,
  };
}

/** Three digits are all that such a measurement has. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
