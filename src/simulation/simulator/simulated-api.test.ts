/** What a cluster finds when its API died and came back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { configMaps } from '../../client/resources.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import type { StoreEvent } from '../../store/store.ts';
import { Disk, type DiskOptions } from './disk.ts';
import type { DiskFaults } from './faults.ts';
import { SimulatedApi } from './simulated-api.ts';

interface Lab {
  readonly api: SimulatedApi;
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly seen: readonly StoreEvent[];
  /** Those of `seen` of which whoever asked for them never heard. */
  readonly unanswered: readonly StoreEvent[];
  /** From now on each commit takes its time. */
  slow(): void;
}

async function startLab(seed: number, options: Partial<DiskOptions> = {}): Promise<Lab> {
  const clock = new VirtualClock();
  const prng = new SeededPrng(seed);
  let faults: DiskFaults = { slowCommits: 0, slowMsMax: 0 };
  const disk = new Disk({ clock, prng, faults: () => faults, ...options });
  const seen: StoreEvent[] = [];
  const unanswered: StoreEvent[] = [];
  const common = { clock, prng, log: silentLogger, disk, authorization: storeAuthorization };
  const all = { ...common, unanswered: (event: StoreEvent) => void unanswered.push(event) };
  const api = new SimulatedApi(all, (event) => seen.push(event));
  await api.start();
  const client = api.client({ name: 'somebody', groups: ['system:masters', 'system:authenticated'] });
  const slow = (): void => {
    faults = { slowCommits: 1, slowMsMax: 1000 };
  };
  return { api, client, clock, seen, unanswered, slow };
}

const settings = (name: string): ConfigMap => ({ metadata: { namespace: 'default', name } });

async function names({ client }: Lab): Promise<readonly (string | undefined)[]> {
  return (await client.list(configMaps, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name);
}

test('what was acknowledged is there after a crash, what was deleted is not, and revisions go on', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const lab = await startLab(seed);
    const { api, client, seen } = lab;
    for (const name of ['a', 'b', 'c']) await client.create(configMaps, settings(name));
    await client.patch(
      configMaps,
      { namespace: 'default', name: 'a' },
      { type: 'merge', body: { data: { round: '1' } } },
    );
    await client.delete(configMaps, { namespace: 'default', name: 'b' });
    for (let crash = 0; crash < 3; crash++) {
      await api.crash();
      await api.start();
      assert.deepEqual(await names(lab), ['a', 'c']);
    }
    const { data, metadata } = await client.get(configMaps, { namespace: 'default', name: 'a' });
    assert.deepEqual(data, { round: '1' });
    await client.create(configMaps, settings('d'));
    assert.ok(Number(metadata?.resourceVersion) < api.store.revision);
    const revisions = seen.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      revisions.map((_, index) => (revisions[0] ?? 0) + index),
      'each revision is seen once, in order',
    );
  }
});

test('of a write under way, the caller never hears; it is there, and seen, or not at all', async () => {
  const outcomes = new Set<boolean>();
  for (let seed = 0; seed < 12; seed++) {
    const lab = await startLab(seed);
    const { api, client, clock, seen, unanswered, slow } = lab;
    slow();
    const writing = client.create(configMaps, settings('a'));
    const refused = assert.rejects(writing, (error) => hasReason(error, 'ServiceUnavailable'));
    await clock.advance(0);
    await api.crash();
    await refused;
    const starting = api.start();
    await clock.advance(60_000);
    await starting;
    const isThere = (await names(lab)).includes('a');
    assert.equal(
      seen.some(({ entry }) => entry.key.collection === 'configmaps' && entry.key.name === 'a'),
      isThere,
    );
    assert.deepEqual(
      unanswered.map(({ entry }) => entry.key.name),
      isThere ? ['a'] : [],
    );
    outcomes.add(isThere);
  }
  assert.equal(outcomes.size, 2, 'chance takes both ways');
});

test('a watch that comes back with a revision older than the history is told to list again', async () => {
  const ends = new Set<string>();
  for (let seed = 0; seed < 24; seed++) {
    const { api, client, clock } = await startLab(seed);
    const { metadata } = await client.create(configMaps, settings('a'));
    for (let index = 0; index < 20; index++) await client.create(configMaps, settings(`b-${index}`));
    await api.crash();
    await api.start();
    let events = 0;
    let end = '';
    const handler = {
      event: () => void events++,
      end: (error: Error | undefined) => {
        end = hasReason(error, 'Expired') ? 'expired' : String(error);
      },
    };
    client.watch(configMaps, { resourceVersion: metadata?.resourceVersion ?? '' }, handler);
    await clock.advance(1000);
    assert.ok(end === 'expired' || events === 20, `${end}, ${events} events`);
    ends.add(end);
  }
  assert.deepEqual([...ends].sort(), ['', 'expired']);
});

test('while it is down, calls fail', async () => {
  const { api, client } = await startLab(1);
  await api.crash();
  await assert.rejects(client.list(configMaps), (error) => hasReason(error, 'ServiceUnavailable'));
});

test('a disk that forgets is told of', async () => {
  const { api, client } = await startLab(1, { isForgetful: true });
  await client.create(configMaps, settings('a'));
  await api.crash();
  await assert.rejects(api.start(), /what was acknowledged is on the disk/);
});
