/** Calls that nobody answers, as those about objects of which a webhook hangs: what they hold up, and what they do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { inProcessClient } from '../client/in-process-client.ts';
import { type ClientCall, interceptCalls } from '../client/intercept.ts';
import { configMaps, deployments, events, jobs, namespaces, pods, serviceAccounts } from '../client/resources.ts';
import { administrator, everythingAllowed } from '../client/testing.ts';
import { makeDeployment, startWorld, type World } from './testing.ts';

const never = (): Promise<void> => new Promise(() => {});

/** Loops over a client of which no write in the namespaces `stuck…` is ever answered; `free` is what everybody else uses. */
async function start(isStuck: (call: ClientCall) => boolean = inStuckNamespace) {
  const calls: ClientCall[] = [];
  const world: World = await startWorld({
    wrap: (client) =>
      interceptCalls(client, async (call) => {
        if (!isStuck(call)) return;
        calls.push(call);
        await never();
      }),
  });
  const user = administrator;
  const free = inProcessClient({
    handler: world.registry,
    authorizer: everythingAllowed,
    user,
    resources: world.resources,
  });
  return { ...world, free, calls };
}

const inStuckNamespace = ({ verb, reference }: ClientCall): boolean =>
  verb !== 'get' && verb !== 'list' && reference.namespace.startsWith('stuck');

const into = <T extends KubeObject>(namespace: string, object: T): T => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

test('objects that nobody answers about hold no others of their loop up for long', async () => {
  const { clock, free, calls, ...world } = await start();
  await free.create(namespaces, { metadata: { name: 'stuck' } });
  for (let index = 0; index < 20; index++) {
    await free.create(deployments, into('stuck', makeDeployment(`web-${index}`)));
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } as const;
    await free.create(jobs, { metadata: { namespace: 'stuck', name: `job-${index}` }, spec: { template } });
  }
  await clock.advance(1000);
  await free.create(deployments, makeDeployment('web'));
  await clock.advance(40_000);
  assert.equal((await world.list(pods)).filter(({ status }) => status?.phase === 'Running').length, 3);
  assert.ok(calls.length > 0);
});

test('a namespace gets what it needs although in twenty others nobody answers', async () => {
  const { clock, free, ...world } = await start();
  for (let index = 0; index < 20; index++) await free.create(namespaces, { metadata: { name: `stuck-${index}` } });
  await clock.advance(0);
  await free.create(namespaces, { metadata: { name: 'free' } });
  await clock.advance(40_000);
  assert.equal((await world.list(serviceAccounts, 'free')).length, 1);
  assert.ok(await free.get(configMaps, { namespace: 'free', name: 'kube-root-ca.crt' }));
});

test('what nobody answers is asked again, with ever longer pauses, and comes right when somebody does', async () => {
  let isStuck = true;
  const { clock, free, calls, ...world } = await start((call) => isStuck && inStuckNamespace(call));
  await free.create(namespaces, { metadata: { name: 'stuck' } });
  await clock.advance(1_200_000);
  const creates = calls.filter(({ verb, resource }) => verb === 'create' && resource.resource === 'serviceaccounts');
  assert.ok(creates.length >= 10 && creates.length <= 20, `${creates.length} in twenty minutes`);
  isStuck = false;
  await clock.advance(1_100_000);
  assert.equal((await world.list(serviceAccounts, 'stuck')).length, 1);
  await world.close();
});

test('namespaces that cannot be emptied, because nobody answers, let others go', async () => {
  const { clock, free } = await start(
    ({ verb, reference }) => verb === 'deleteCollection' && reference.namespace.startsWith('stuck'),
  );
  const names = Array.from({ length: 20 }, (_, index) => `stuck-${index}`);
  for (const name of [...names, 'going']) {
    await free.create(namespaces, { metadata: { name } });
    await free.create(configMaps, { metadata: { namespace: name, name: 'content' } });
  }
  await clock.advance(1000);
  for (const name of [...names, 'going']) await free.delete(namespaces, { namespace: '', name });
  await clock.advance(40_000);
  const left = (await free.list(namespaces)).items.map(({ metadata }) => metadata?.name ?? '');
  assert.deepEqual([left.includes('going'), names.every((name) => left.includes(name))], [false, true]);
});

test('dependents that nobody answers about are no matter for others of the garbage collector', async () => {
  const { clock, free, ...world } = await start();
  await free.create(namespaces, { metadata: { name: 'stuck' } });
  for (const namespace of ['stuck', 'default']) {
    const owner = await free.create(configMaps, { metadata: { namespace, name: 'owner' } });
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata?.uid ?? '' }];
    const count = namespace === 'stuck' ? 60 : 1;
    for (let index = 0; index < count; index++) {
      await free.create(configMaps, { metadata: { namespace, name: `dependent-${index}`, ownerReferences } });
    }
  }
  await clock.advance(1000);
  for (const namespace of ['stuck', 'default']) await free.delete(configMaps, { namespace, name: 'owner' });
  await clock.advance(40_000);
  assert.equal(await world.get(configMaps, 'dependent-0'), undefined);
  assert.ok((await world.list(configMaps, 'stuck')).length >= 60);
});

test('events that cannot be removed let others expire', async () => {
  const { clock, free } = await start(({ verb, resource, reference }) => {
    return verb === 'delete' && resource.resource === 'events' && reference.namespace === 'a-stuck';
  });
  await free.create(namespaces, { metadata: { name: 'a-stuck' } });
  for (const namespace of ['a-stuck', 'default']) {
    const involvedObject = { kind: 'Pod', namespace, name: 'web' };
    for (let index = 0; index < 20; index++) {
      await free.create(events, { metadata: { namespace, name: `event-${index}` }, involvedObject });
    }
  }
  await clock.advance(3_600_000 + 180_000);
  const left = (await free.list(events)).items.filter(({ metadata }) => metadata?.name?.startsWith('event-'));
  assert.deepEqual(new Set(left.map(({ metadata }) => metadata?.namespace)), new Set(['a-stuck']));
  assert.equal(left.length, 20);
});
