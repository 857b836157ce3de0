/** What is known of pods that were asked to go, beyond what the cache shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { isDeleting, nameOf } from '../shared/context.ts';
import { Departures } from './departures.ts';

const pods: readonly Pod[] = ['a', 'b'].map((name) => ({ metadata: { namespace: 'default', name, uid: name } }));

const leaving = async (departures: Departures, stands = true, all = pods): Promise<readonly string[]> =>
  (await departures.applied('set', all, { stands: async () => stands, nowMs: 0 })).filter(isDeleting).map(nameOf);

test('a pod that was asked to go is leaving before the cache shows it, and nobody asks the server', async () => {
  const departures = new Departures();
  departures.asked('set', 'a', 'leaving');
  assert.deepEqual(await leaving(departures), ['a']);
  assert.deepEqual(await leaving(departures), ['a']);
});

test('once the cache shows a new pod of that name, nothing is known of it', async () => {
  const departures = new Departures();
  departures.asked('set', 'a', 'leaving');
  assert.deepEqual(await leaving(departures, true, [{ metadata: { name: 'a', uid: 'a2' } }]), []);
  assert.deepEqual(await leaving(departures), []);
});

test('where the answer got lost the server says whether the pod is leaving', async () => {
  const departures = new Departures();
  departures.asked('set', 'a', 'unknown');
  departures.asked('other', 'b', 'leaving');
  assert.deepEqual(await leaving(departures, false), ['a']);
  const forgotten = new Departures();
  forgotten.asked('set', 'a', 'unknown');
  assert.deepEqual(await leaving(forgotten, true), []);
});
