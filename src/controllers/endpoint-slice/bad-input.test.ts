/** Services and pods that are more, or less, than a loop would like. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { events, pods, services } from '../../client/resources.ts';
import { inDefault } from '../testing.ts';
import { decideSlices, type SliceDecision } from './decide.ts';
import { addPod, createService, makeService, startServiceWorld } from './testing.ts';

const service: Service = makeService({ clusterIP: '10.43.0.9', ipFamilies: ['IPv4'] }, { uid: 'service' });

const makePod = (index: number, ready = true): Pod => ({
  metadata: { ...inDefault(`pod-${index}`), uid: `uid-${index}` },
  spec: { nodeName: 'node', containers: [] },
  status: {
    phase: 'Running',
    podIPs: [{ ip: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
});

const decide = (all: readonly Pod[], slices: readonly EndpointSlice[]): SliceDecision =>
  decideSlices(service, {
    pods: all,
    slices,
    nodeOf: (name) => (name === 'node' ? { metadata: { name } } : undefined),
    zoneShares: undefined,
    triggerTime: undefined,
  });

const counts = ({ create, update, remove }: SliceDecision) => [create.length, update.length, remove.length];

describe('a Service with 5,000 pods', () => {
  const all = Array.from({ length: 5000 }, (_, index) => makePod(index));
  const slices = decide(all, []).create.map((slice, index) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `web-${index}`, uid: `slice-${index}` },
  }));

  test('has fifty full slices', () => {
    assert.equal(slices.length, 50);
    assert.ok(slices.every(({ endpoints }) => endpoints?.length === 100));
    assert.deepEqual(counts(decide(all, slices)), [0, 0, 0]);
  });

  test('changes one of them where one pod changes', () => {
    const changed = all.map((pod, index) => (index === 4321 ? makePod(index, false) : pod));
    assert.deepEqual(counts(decide(changed, slices)), [0, 1, 0]);
  });

  test('fills the places of pods that went before it makes a slice', () => {
    const moved = [
      ...all.filter((_, index) => index % 500 !== 0),
      ...Array.from({ length: 11 }, (_, i) => makePod(6000 + i)),
    ];
    assert.deepEqual(counts(decide(moved, slices)), [1, 10, 0]);
  });

  test('writes everything once where all pods are replaced, and deletes nothing', () => {
    const others = all.map((_, index) => makePod(10_000 + index));
    assert.deepEqual(counts(decide(others, slices)), [0, 50, 0]);
  });
});

test('pods of a node that nobody knows are told of on the Service, a few by name', async () => {
  const world = await startServiceWorld();
  await createService(world);
  const failed = async () =>
    (await world.list(events))
      .filter(({ reason }) => reason === 'FailedToUpdateEndpointSlices')
      .map(({ message }) => message);
  const said = (index: number) => `skipping Pod pod-${index} for Service default/web: Node gone Not Found`;
  await addPod(world, 'pod-1', { ip: '10.8.0.1' }, { nodeName: 'gone' });
  await world.clock.advance(1000);
  const intro = 'Error updating Endpoint Slices for Service default/web:';
  assert.deepEqual(await failed(), [`${intro} ${said(1)}`]);
  for (let index = 2; index <= 7; index++)
    await addPod(world, `pod-${index}`, { ip: `10.8.0.${index}` }, { nodeName: 'gone' });
  await world.clock.advance(20_000);
  const named = [1, 2, 3, 4, 5].map(said).join(', ');
  const messages = await failed();
  assert.ok(messages.includes(`${intro} [${named}, and 2 more]`), messages.join('\n'));
  for (const { metadata } of await world.list(pods)) {
    await world.client.delete(pods, inDefault(metadata?.name ?? ''), { gracePeriodSeconds: 0 });
  }
  await world.client.delete(services, inDefault('web'));
  await world.close();
});
