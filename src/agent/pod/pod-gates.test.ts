import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ContainerConfig } from '../runtime.ts';
import { PodGates } from './pod-gates.ts';
import { containerWith } from './pod-hook.ts';

const pod = { metadata: { namespace: 'default', name: 'web' } };
const target = {
  pod,
  container: { name: 'app' },
  identity: { namespace: 'default', name: 'web', uid: 'u-1' },
  attempt: 0,
  sandboxId: 's-1',
  podIps: ['10.42.0.5'],
};
const config = { name: 'app' } as ContainerConfig;

it('a container waits for every gate, and each is told the addresses of its pod', async () => {
  const gates = new PodGates();
  const asked: string[] = [];
  let open = (): void => {};
  gates.add((asking, addresses) => {
    asked.push(`${asking.metadata?.name} ${addresses.join()}`);
    return new Promise((resolve) => {
      open = resolve;
    });
  });
  let isThrough = false;
  const through = containerWith([gates], config, target).then(() => {
    isThrough = true;
  });
  await new Promise(setImmediate);
  assert.deepEqual([asked, isThrough], [['web 10.42.0.5'], false]);
  open();
  await through;
});

it('a gate that was taken out is not asked, and one that fails stops the container', async () => {
  const gates = new PodGates();
  const takeOut = gates.add(() => Promise.reject(new Error('no rules')));
  await assert.rejects(containerWith([gates], config, target), /no rules/);
  takeOut();
  assert.equal(await containerWith([gates], config, target), config);
});

it('who says farewell is asked of a pod that leaves, and only those who wait are waited for', async () => {
  const gates = new PodGates();
  assert.equal(gates.leave(pod, 1000), undefined);
  gates.addFarewell(() => undefined);
  assert.equal(gates.leave(pod, 1000), undefined);
  const told: unknown[] = [];
  const takeOut = gates.addFarewell(async (leaving, msMax) => void told.push([leaving.metadata?.name, msMax]));
  await gates.leave(pod, 1000);
  assert.deepEqual(told, [['web', 1000]]);
  takeOut();
  assert.equal(gates.leave(pod, 1000), undefined);
});
