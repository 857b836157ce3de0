import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../lib/limits.ts';
import { Line } from './line.ts';

function start() {
  const told: string[] = [];
  const line = new Line({
    failed: (error) => void told.push(`failed: ${(error as Error).message}`),
    over: () => void told.push('over'),
  });
  return { line, told };
}

/** Once: then there is nothing to wait for. */
function once(promise: Promise<void>): () => Promise<void> | undefined {
  let due: Promise<void> | undefined = promise;
  promise.catch(() => {});
  return () => {
    const now = due;
    due = undefined;
    return now;
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what waits is told in its order, whoever is ready first', async () => {
  const { line, told } = start();
  const first = Promise.withResolvers<void>();
  line.add(once(first.promise), () => told.push('first'));
  line.add(
    () => undefined,
    () => told.push('second'),
  );
  line.add(once(Promise.resolve()), () => told.push('third'));
  await turn();
  assert.deepEqual(told, []);
  first.resolve();
  await turn();
  assert.deepEqual(told, ['first', 'second', 'third', 'over']);
});

test('after a failure, and after it is cancelled, nothing is told any more', async () => {
  const failing = start();
  failing.line.add(once(Promise.reject(new Error('no'))), () => failing.told.push('first'));
  failing.line.add(
    () => undefined,
    () => failing.told.push('second'),
  );
  await turn();
  assert.deepEqual(failing.told, ['failed: no']);
  const cancelled = start();
  const due = Promise.withResolvers<void>();
  cancelled.line.add(once(due.promise), () => cancelled.told.push('first'));
  cancelled.line.cancel();
  due.resolve();
  await turn();
  assert.deepEqual(cancelled.told, []);
});

test('there is room for so many', () => {
  const { line } = start();
  const never = new Promise<void>(() => {});
  let count = 0;
  while (
    line.add(
      () => never,
      () => {},
    )
  )
    count++;
  assert.equal(count, limits.watchBufferEventsMax);
});
