import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerDied, WorkerThread } from './worker-thread.ts';

function thread(code: string): WorkerThread<string, string> {
  const source = `import { parentPort } from 'node:worker_threads'; ${code}`;
  return new WorkerThread({ source: new URL(`data:text/javascript,${encodeURIComponent(source)}`), name: 'test' });
}

const echo = `parentPort.on('message', (text) => parentPort.postMessage(text)); parentPort.postMessage('ready');`;

test('a thread answers, also one that was asked before it was ready', async () => {
  const worker = thread(echo);
  assert.equal(await worker.ask('a'), 'a');
  assert.equal(await worker.ask('b'), 'b');
  await worker.end();
  assert.equal(worker.dead, true);
});

test('whoever asks a thread that dies hears of it, whenever it dies, and of what', async () => {
  const early = thread('throw new RangeError("early")');
  await assert.rejects(early.ask('a'), ({ name, cause }: Error) => {
    assert.equal(name, 'WorkerDied');
    return (cause as Error).message === 'early';
  });
  await assert.rejects(thread(`parentPort.postMessage('ready'); process.exit();`).ask('a'), WorkerDied);
  await assert.rejects(
    thread(`parentPort.on('message', () => process.exit()); parentPort.postMessage('ready');`).ask('a'),
    WorkerDied,
  );
});

test('a thread that is ended while it works says why', async () => {
  const worker = thread(`parentPort.on('message', () => { for (;;); }); parentPort.postMessage('ready');`);
  const asked = assert.rejects(worker.ask('a'), ({ cause }: Error) => cause === reason);
  const reason = new Error('enough');
  await worker.ready;
  await worker.end(reason);
  await asked;
});
