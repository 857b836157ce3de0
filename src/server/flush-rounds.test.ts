import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import type { WatchEvent } from '../registry/request.ts';
import { FlushRounds } from './flush-rounds.ts';
import { SharedFrames } from './watch-frames.ts';
import { WatchResponse } from './watch-response.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Writes down its name each time. */
const flushable = (name: string, flushed: string[], then = (): void => {}) => ({
  flush: () => {
    flushed.push(name);
    then();
  },
});

describe('flush rounds', () => {
  test('flush on the next turn of the event loop, in the order in which they were added', async () => {
    const rounds = new FlushRounds();
    const flushed: string[] = [];
    for (const name of ['a', 'b', 'c']) rounds.add(flushable(name, flushed));
    assert.deepEqual(flushed, []);
    await nextTurn();
    assert.deepEqual(flushed, ['a', 'b', 'c']);
  });

  test('flush many in several turns, so that others run in between', async () => {
    const rounds = new FlushRounds();
    const flushed: string[] = [];
    for (let index = 0; index < 1_000; index++) rounds.add(flushable(String(index), flushed));
    await nextTurn();
    const first = flushed.length;
    assert.ok(first > 0 && first < 200, String(first));
    while (flushed.length < 1_000) await nextTurn();
    assert.deepEqual(
      flushed,
      Array.from({ length: 1_000 }, (_, index) => String(index)),
    );
  });

  test('flush whoever was added meanwhile behind all others, once', async () => {
    const rounds = new FlushRounds();
    const flushed: string[] = [];
    const again = flushable('again', flushed);
    let adds = 3;
    rounds.add(flushable('first', flushed, () => adds-- > 0 && rounds.add(again)));
    for (const name of ['b', 'c']) rounds.add(flushable(name, flushed));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    assert.deepEqual(flushed, ['first', 'b', 'c', 'again']);
  });

  test('let a watch write what several commits brought before its turn in one piece, in order', async () => {
    const rounds = new FlushRounds();
    const written: string[] = [];
    const watch = watchInto(rounds, written);
    watch.started({ cancel: () => {} });
    const commit = (name: string): WatchEvent => ({ type: 'ADDED', object: { metadata: { name } } });
    watch.event(commit('a'));
    await Promise.resolve();
    watch.event(commit('b'));
    await nextTurn();
    assert.equal(written.length, 1);
    assert.deepEqual(namesIn(written), ['a', 'b']);
    watch.event(commit('c'));
    watch.end();
    await nextTurn();
    assert.deepEqual(namesIn(written), ['a', 'b', 'c']);
  });
});

function watchInto(rounds: FlushRounds, written: string[]): WatchResponse {
  const out = new PassThrough();
  out.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  return new WatchResponse({
    output: { messages: false, onClose: () => {}, stream: () => out, abort: () => {} },
    headers: {},
    encoding: 'json',
    show: undefined,
    frames: new SharedFrames(),
    rounds,
    eventsMax: 10,
    bytesMax: 10_000,
    over: () => {},
  });
}

function namesIn(written: readonly string[]): string[] {
  const lines = written.join('').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { object: { metadata: { name: string } } }).object.metadata.name);
}
