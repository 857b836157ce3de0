import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { test } from 'node:test';
import { RealClock } from '../lib/clock.ts';
import { startTestServer, type TestServer } from './testing.ts';

const pods = '/api/v1/namespaces/default/pods';

/** A status, or `refused` where the connection ended without one. */
type Outcome = number | 'refused';

interface Load {
  readonly outcomes: Map<string, Outcome>;
  readonly done: Promise<unknown>;
}

const bodyOf = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } });

const headers = { 'content-type': 'application/json' };

/** JSON that ends where it should, or the plain text of a refusal. */
const isWhole = (text: string): boolean => /[}\n]$/.test(text);

/** Creates one object after the other until the server takes none. An answer that is not whole counts as none. */
function http2Load(world: TestServer, credentials: object, prefix: string, workers: number): Load {
  const outcomes = new Map<string, Outcome>();
  const session = connectHttp2(world.server.address, credentials);
  session.on('error', () => {});
  const create = (name: string): Promise<Outcome> =>
    new Promise((resolve) => {
      if (session.closed || session.destroyed) return resolve('refused');
      const stream = session.request({ ':path': pods, ':method': 'POST', ...headers });
      let status: Outcome = 'refused';
      stream.on('response', (head) => (status = Number(head[':status'])));
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += String(chunk)));
      stream.on('error', () => {});
      stream.on('close', () => resolve(isWhole(text) ? status : 'refused'));
      stream.end(bodyOf(name));
    });
  return { outcomes, done: work(workers, prefix, create, outcomes) };
}

function http1Load(world: TestServer, credentials: object, prefix: string, workers: number): Load {
  const outcomes = new Map<string, Outcome>();
  const agent = new Agent({ keepAlive: true, maxSockets: workers, ...credentials });
  const create = (name: string): Promise<Outcome> =>
    new Promise((resolve) => {
      const options = {
        host: '127.0.0.1',
        port: new URL(world.server.address).port,
        path: pods,
        method: 'POST',
        headers,
        agent,
      };
      const request = httpsRequest(options, (answer) => {
        answer.resume();
        answer.on('error', () => resolve('refused'));
        answer.on('close', () => resolve(answer.complete ? (answer.statusCode ?? 0) : 'refused'));
      });
      request.on('error', () => resolve('refused'));
      request.end(bodyOf(name));
    });
  return { outcomes, done: work(workers, prefix, create, outcomes).finally(() => agent.destroy()) };
}

function work(
  workers: number,
  prefix: string,
  create: (name: string) => Promise<Outcome>,
  outcomes: Map<string, Outcome>,
): Promise<unknown> {
  const one = async (worker: number): Promise<void> => {
    for (let index = 0; index < 100_000; index++) {
      const name = `${prefix}-${worker}-${index}`;
      const outcome = await create(name);
      outcomes.set(name, outcome);
      if (outcome !== 201) return;
    }
  };
  return Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)));
}

test('closing under load loses no answer: what was applied was answered, and all else was refused', async () => {
  const world = await startTestServer();
  const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
  const credentials = { ca: world.authority.certificate, cert: certificate, key };
  const clock = new RealClock({ keepsAlive: true });
  // Each takes a turn of the event loop and some: there are always requests under way.
  Object.defineProperty(world.registry, 'gate', { get: () => clock.sleep(2) });
  const loads = [
    http2Load(world, credentials, 'many', 20),
    http2Load(world, credentials, 'few', 5),
    http1Load(world, credentials, 'old', 8),
  ];
  const watcher = await world.http2('admin');
  const watch = watcher.session.request({ ':path': `${pods}?watch=true` });
  await once(watch, 'response');
  watch.resume();
  const watchEnded = once(watch, 'end');
  await clock.sleep(250);
  await world.server.close();
  await Promise.all(loads.map(({ done }) => done));
  await watchEnded;
  assert.equal(watch.rstCode, 0);
  const applied = world.registry.calls
    .filter(({ verb }) => verb === 'create')
    .map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
  const outcomes = new Map(loads.flatMap((load) => [...load.outcomes]));
  assert.ok(applied.length > 100, `${applied.length} were applied`);
  const lost = applied.filter((name) => outcomes.get(name) !== 201);
  assert.deepEqual(lost, []);
  const counts: Record<string, number> = {};
  for (const outcome of outcomes.values()) counts[outcome] = (counts[outcome] ?? 0) + 1;
  for (const outcome of Object.keys(counts)) assert.ok(['201', '429', 'refused'].includes(outcome), outcome);
  assert.equal(counts['201'], applied.length);
  await world.stop();
});

test('while it waits to close, a server is not ready and answers all the same', async () => {
  const world = await startTestServer({ shutdownDelayMs: 300 });
  const admin = await world.http2('admin');
  assert.equal((await admin.request('/readyz')).status, 200);
  const closed = world.server.close();
  const readyz = await admin.request('/readyz');
  assert.equal(readyz.status, 500);
  assert.match(readyz.text, /\[-\]shutdown failed: reason withheld\nreadyz check failed\n$/);
  assert.equal((await admin.request('/livez')).text, 'ok');
  assert.equal((await admin.request(pods)).status, 200);
  await closed;
  await world.stop();
});
