import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, pods } from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { goodNetwork, type NetworkFaults } from './faults.ts';
import { type Link, Network } from './network.ts';
import { Verdict } from './verdict.ts';

interface Lab extends TestApi {
  readonly network: Network;
  readonly link: Link;
  readonly verdict: Verdict;
  /** Over the link. */
  readonly part: Client;
  /** Lets time pass until `work` is done. */
  readonly during: <T>(work: Promise<T>) => Promise<T>;
}

async function startLab(faults: Partial<NetworkFaults> = {}): Promise<Lab> {
  const api = await startTestApi();
  const verdict = new Verdict(api.clock);
  const network = new Network({
    clock: api.clock,
    prng: new SeededPrng(7),
    verdict,
    faults: { ...goodNetwork, ...faults },
  });
  const link = network.link('a part');
  const during = async <T>(work: Promise<T>): Promise<T> => {
    work.catch(() => {});
    await api.clock.advance(20_000);
    return work;
  };
  return { ...api, network, link, verdict, part: link.client(api.client), during };
}

const settings = (name: string): ConfigMap => ({ metadata: { namespace: 'default', name } });
const isLost = (error: unknown): boolean => hasReason(error, 'ServiceUnavailable', 'Timeout');

test('a lost request was not carried out, a lost answer was', async () => {
  const before = await startLab({ lostRequests: 1 });
  await assert.rejects(before.during(before.part.create(configMaps, settings('a'))), isLost);
  assert.equal(before.store.counts().get('configmaps') ?? 0, 0);
  assert.equal(before.network.unanswered.size, 0);
  const after = await startLab({ lostAnswers: 1 });
  await assert.rejects(after.during(after.part.create(configMaps, settings('a'))), isLost);
  assert.equal(after.store.counts().get('configmaps'), 1);
  const made = after.store.get({ collection: 'configmaps', namespace: 'default', name: 'a' })?.object;
  assert.deepEqual([...after.network.unanswered], [made?.metadata?.uid]);
});

test('nothing passes a link that is cut, and everything one that is restored', async () => {
  const { link, part, during } = await startLab();
  link.cut();
  await assert.rejects(during(part.list(configMaps)), isLost);
  link.restore();
  await during(part.list(configMaps));
});

test('what a dead process still had on its way does not arrive', async () => {
  const { link, part, during, store } = await startLab({ latencyMsMax: 1000 });
  const writing = part.create(configMaps, settings('a'));
  link.kill();
  await assert.rejects(during(writing), isLost);
  assert.equal(store.counts().get('configmaps') ?? 0, 0);
});

test('a watch shows its events late and in order, and its end after them', async () => {
  const { part, client, clock } = await startLab({ watchLagMsMax: 5000, watchLifeMs: 1e12 });
  const seen: string[] = [];
  part.watch(
    configMaps,
    { resourceVersion: '0' },
    { event: ({ object }) => seen.push(object.metadata?.name ?? ''), end: () => seen.push('end') },
  );
  for (const name of ['a', 'b', 'c']) await client.create(configMaps, settings(name));
  assert.deepEqual(seen, []);
  await clock.advance(5000);
  assert.deepEqual(
    seen.filter((name) => name !== ''),
    ['a', 'b', 'c'],
  );
});

test('watches break with the link, each is told once, and a cancelled one never', async () => {
  const { part, link, clock } = await startLab({ watchLifeMs: 1e12, watchLagMsMax: 0 });
  let ends = 0;
  const handler = { event: () => {}, end: () => void ends++ };
  part.watch(configMaps, { resourceVersion: '0' }, handler);
  part.watch(configMaps, { resourceVersion: '0' }, handler).cancel();
  link.breakWatches();
  link.breakWatches();
  await clock.advance(1000);
  assert.equal(ends, 1);
});

test('a watch that was cut off leaves no timer', async () => {
  const { part, link, clock } = await startLab();
  const pending = clock.pending;
  part.watch(configMaps, { resourceVersion: '0' }, { event: () => {}, end: () => {} });
  link.kill();
  await clock.advance(1000);
  assert.equal(clock.pending, pending);
});

test('a part that sends nonsense is told of', async () => {
  const { part, during, verdict } = await startLab();
  await assert.rejects(during(part.get(configMaps, { namespace: 'default', name: 'missing' })));
  const quiet = verdict.first;
  assert.equal(quiet, undefined, 'what is not there is no nonsense');
  await assert.rejects(
    during(part.create(pods, { metadata: { namespace: 'default', name: 'web' }, spec: { containers: [] } })),
  );
  const { invariant = '', message = '' } = verdict.first ?? {};
  assert.equal(invariant, 'no part sends nonsense');
  assert.match(message, /a part: create pods default\/web: Invalid/);
});

test('a part that calls without end at one moment is told of, and stopped', async () => {
  const { part, verdict } = await startLab({ latencyMsMax: 0 });
  const calls = Array.from({ length: 3100 }, () => part.list(configMaps));
  for (const call of calls) call.catch(() => {});
  assert.equal(verdict.first?.invariant, 'no part runs wild');
});

test('a watch that fell silent shows nothing, is not told so, and ends in the end', async () => {
  const { part, link, client, clock } = await startLab({ watchLifeMs: 1e12, watchLagMsMax: 0 });
  const seen: string[] = [];
  const handler = {
    event: ({ object }: { object: ConfigMap }) => seen.push(object.metadata?.name ?? ''),
    end: () => seen.push('end'),
  };
  part.watch(configMaps, { resourceVersion: '0' }, handler);
  await client.create(configMaps, settings('before'));
  await clock.advance(1);
  link.silence(60_000, 1);
  await client.create(configMaps, settings('unseen'));
  await clock.advance(59_000);
  assert.deepEqual(seen.filter(Boolean), ['before']);
  await clock.advance(2000);
  assert.deepEqual(seen.filter(Boolean), ['before', 'end']);
  assert.equal(clock.pending, 0);
});

test('when the faults end, silent watches do, too', async () => {
  const { part, link, network, clock } = await startLab({ watchLifeMs: 1e12, watchLagMsMax: 0 });
  let ends = 0;
  part.watch(configMaps, { resourceVersion: '0' }, { event: () => {}, end: () => void ends++ });
  link.silence(3_600_000, 1);
  network.heal();
  await clock.advance(1000);
  assert.equal(ends, 1);
});

test('an API that has died is not reached because the way is whole again', async () => {
  const { network, part, during } = await startLab();
  network.cut('the API is dead');
  network.cut('the way is cut');
  network.heal();
  await assert.rejects(during(part.list(configMaps)), isLost);
  network.restore('the API is dead');
  await during(part.list(configMaps));
});
