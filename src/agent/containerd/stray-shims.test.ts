import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Shim, StrayShims } from './stray-shims.ts';

const shim = (pid: number, container: string, startTicks = 1): Shim => ({ pid, startTicks, bootId: 'b', container });

test('a shim is ended when its container is unknown at two looks in a row, and no other', async () => {
  const ended: number[] = [];
  const known = new Set(['a', 'b', 'c']);
  let running = [shim(1, 'a'), shim(2, 'b'), shim(3, 'c')];
  const strays = new StrayShims({
    shims: async () => running,
    isKnown: async (container) => known.has(container),
    end: ({ pid }) => ended.push(pid),
  });
  await strays.look();
  known.delete('b');
  known.delete('c');
  assert.deepEqual(await strays.look(), [], 'it may be about to end by itself');
  // Another process took the number meanwhile: it is suspected anew.
  running = [shim(1, 'a'), shim(2, 'b'), shim(3, 'c', 2)];
  assert.deepEqual(await strays.look(), [shim(2, 'b')]);
  running = [shim(1, 'a'), shim(3, 'c', 2)];
  assert.deepEqual(
    (await strays.look()).map(({ pid }) => pid),
    [3],
  );
  assert.deepEqual(ended, [2, 3]);
});

test('while containerd does not answer, nobody is ended', async () => {
  let answers = true;
  const ended: number[] = [];
  const strays = new StrayShims({
    shims: async () => [shim(1, 'a')],
    isKnown: async () => {
      if (!answers) throw new Error('no answer');
      return false;
    },
    end: ({ pid }) => ended.push(pid),
  });
  await strays.look();
  answers = false;
  await assert.rejects(strays.look(), /no answer/);
  assert.deepEqual(ended, []);
});
