/** Claims whose answers come late or never, while informers lag. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../client/client.ts';
import { unreachable } from '../../client/errors.ts';
import { aroundCalls, intercept } from '../../client/intercept.ts';
import { deviceClasses, pods, resourceClaims, resourceSlices } from '../../client/resources.ts';
import { type Scheduling, startScheduling } from '../scheduler-testing.ts';
import { makeClaim, makeSlice, plainDevices, request } from './testing.ts';

const at = (name: string) => ({ namespace: 'default', name });

/** One node with one device. */
async function startWithDevice(wrap: (client: Client) => Client): Promise<Scheduling> {
  const setting = await startScheduling(wrap);
  await setting.client.create(deviceClasses, { metadata: { name: 'gpu' }, spec: {} });
  await setting.client.create(resourceSlices, makeSlice('node', plainDevices(1)));
  await setting.addNode('node');
  return setting;
}

/** For one device. */
async function addClaim({ client }: Scheduling, name: string): Promise<void> {
  const { metadata, spec } = makeClaim(name, [request('r')]);
  const { uid: _made, ...rest } = metadata ?? {};
  await client.create(resourceClaims, { metadata: rest, spec });
}

/** A pod with the claim of the same name. */
async function addUser({ create }: Scheduling, name: string): Promise<void> {
  await create(name, '1', { resourceClaims: [{ name: 'device', resourceClaimName: name }] });
}

async function holders({ client }: Scheduling): Promise<string[]> {
  const { items } = await client.list(resourceClaims);
  return items.filter(({ status }) => status?.allocation !== undefined).map(({ metadata }) => metadata?.name ?? '');
}

/** Holds back what watches of claims tell, from `hold` on until `go`. */
class Lag {
  #held: (() => void)[] | undefined;

  wrap(client: Client): Client {
    return intercept(client, {
      watch: (real) => (resource, query, handler) => {
        const event: typeof handler.event = (change) => {
          if (this.#held !== undefined && resource.resource === 'resourceclaims') {
            this.#held.push(() => handler.event(change));
          } else handler.event(change);
        };
        return real.watch(resource, query, { event, end: (error) => handler.end(error) });
      },
    });
  }

  hold(): void {
    this.#held = [];
  }

  go(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const tell of held) tell();
  }
}

test('a device stays with the claim that got it although nobody answered, and nobody has told of it yet', async () => {
  const lag = new Lag();
  let losses = 0;
  const setting = await startWithDevice((client) =>
    lag.wrap(
      aroundCalls(client, async ({ verb, resource, reference, subresource }, act) => {
        const isMeant = resource.resource === 'resourceclaims' && reference.name === 'a';
        if (isMeant && verb === 'get' && losses === 1) {
          losses++;
          throw unreachable('still nobody answers');
        }
        const result = await act();
        if (isMeant && verb === 'update' && subresource === 'status' && losses === 0) {
          losses++;
          throw unreachable('the answer got lost');
        }
        return result;
      }),
    ),
  );
  await addClaim(setting, 'a');
  await addClaim(setting, 'b');
  await setting.clock.advance(0);
  lag.hold();
  await addUser(setting, 'a');
  await setting.clock.advance(100);
  await addUser(setting, 'b');
  await setting.clock.advance(20_000);
  assert.equal(losses, 2);
  assert.deepEqual(await holders(setting), ['a']);
  assert.equal(await setting.nodeOf('a'), 'node');
  lag.go();
  await setting.clock.advance(20_000);
  assert.deepEqual(await holders(setting), ['a']);
  await setting.close();
});

test('a device whose claim went while it was written is free again', async () => {
  const lag = new Lag();
  const answer = Promise.withResolvers<void>();
  const setting = await startWithDevice((client) =>
    lag.wrap(
      aroundCalls(client, async ({ verb, resource, reference, subresource }, act) => {
        const result = await act();
        const isMeant = resource.resource === 'resourceclaims' && reference.name === 'a';
        if (isMeant && verb === 'update' && subresource === 'status') await answer.promise;
        return result;
      }),
    ),
  );
  await addClaim(setting, 'a');
  await addUser(setting, 'a');
  await setting.clock.advance(100);
  assert.deepEqual(await holders(setting), ['a']);
  const { client } = setting;
  await client.delete(pods, at('a'), { gracePeriodSeconds: 0 });
  await client.patch(resourceClaims, at('a'), { type: 'merge', body: { metadata: { finalizers: null } } });
  await client.delete(resourceClaims, at('a')).catch(() => {});
  assert.deepEqual(await holders(setting), []);
  await setting.clock.advance(100);
  answer.resolve();
  await setting.clock.advance(100);
  await addClaim(setting, 'b');
  await addUser(setting, 'b');
  await setting.clock.advance(20_000);
  assert.deepEqual(await holders(setting), ['b']);
  await setting.close();
});
