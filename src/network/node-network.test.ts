import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JsonLogger } from '../lib/log.ts';
import type { Service } from '../lib/service.ts';
import type { NetworkContext } from './context.ts';
import { type NetworkPart, nodeNetwork } from './node-network.ts';
import { readPartStates } from './part-states.ts';
import { startNetworkWorld } from './testing.ts';

describe('the network of a node', () => {
  const part =
    (said: string[], name: string, failures = 0): NetworkPart =>
    () => {
      let left = failures;
      return {
        name,
        async start() {
          if (left-- > 0) throw new Error(`${name} is broken`);
          said.push(`+${name}`);
        },
        close: async () => void said.push(`-${name}`),
      };
    };

  async function open(parts: readonly NetworkPart[]) {
    const world = await startNetworkWorld();
    const lines: string[] = [];
    const log = new JsonLogger({ clock: world.clock, write: (line) => void lines.push(line) });
    const network = nodeNetwork({ ...world.context, log, parts });
    return { ...world, lines, network };
  }

  test('parts start in order, and let go in reverse', async () => {
    const said: string[] = [];
    const world = await open([part(said, 'a'), part(said, 'b')]);
    await world.network.start();
    await world.settle();
    assert.deepEqual(said, ['+a', '+b']);
    await world.network.close();
    assert.deepEqual(said, ['+a', '+b', '-b', '-a']);
    await world.close();
  });

  test('a part that fails is named and tried again, and the others go on', async () => {
    const said: string[] = [];
    const broken: NetworkPart = () => {
      throw new Error('cannot be made');
    };
    const world = await open([part(said, 'a', 2), broken, part(said, 'c')]);
    await world.network.start();
    await world.settle();
    assert.deepEqual(said, ['+c']);
    await world.clock.advance(3000);
    assert.deepEqual(said, ['+c', '+a']);
    const text = world.lines.join('');
    assert.match(text, /a is broken/);
    assert.match(text, /cannot be made/);
    await world.network.close();
    assert.deepEqual(said, ['+c', '+a', '-c', '-a']);
    await world.close();
  });

  test('how its parts are is written down for who asks later', async () => {
    const world = await open([part([], 'a'), part([], 'b', 1)]);
    assert.equal(await readPartStates(world.context.folder), undefined);
    await world.network.start();
    await world.settle();
    // Real time, for the file.
    let written = await readPartStates(world.context.folder);
    for (let turn = 0; turn < 5000 && written === undefined; turn++)
      written = await readPartStates(world.context.folder);
    assert.deepEqual(written, [{ name: 'a' }, { name: 'b', problem: 'b is broken' }]);
    await world.clock.advance(3000);
    await world.network.close();
    assert.deepEqual(await readPartStates(world.context.folder), [{ name: 'a' }, { name: 'b' }]);
    await world.close();
  });

  test('its start waits for nobody, and it closes while a part still starts', async () => {
    let release: () => void = () => {};
    const slow: NetworkPart = (): Service => ({
      name: 'slow',
      start: () => new Promise((resolve) => (release = resolve)),
      close: async () => {},
    });
    const said: string[] = [];
    const world = await open([slow, part(said, 'b')]);
    await world.network.start();
    await world.settle();
    const closing = world.network.close();
    release();
    await closing;
    assert.deepEqual(said, []);
    await world.close();
  });

  test('parts get the informers of the node, started', async () => {
    let seen: NetworkContext | undefined;
    const world = await open([
      (context) => {
        seen = context;
        return { name: 'x', start: async () => {}, close: async () => {} };
      },
    ]);
    await world.network.start();
    await world.settle();
    const { services } = await import('../client/resources.ts');
    await seen?.informers.informer(services).synced;
    assert.equal(seen?.nodeName, 'node-1');
    await world.network.close();
    await world.close();
  });
});
