import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WatchEvent } from '../registry/request.ts';
import type { Entry } from '../store/store.ts';
import { SharedFrames } from './watch-frames.ts';

function event(type: WatchEvent['type'], name: string): WatchEvent & { readonly entry: Entry } {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } };
  const bytes = Buffer.from(JSON.stringify(object));
  const key = { collection: 'configmaps', namespace: 'default', name };
  return { type, object, entry: { key, object, revision: 1, json: () => bytes } };
}

describe('shared frames', () => {
  test('are one for all watches that show the same entry in the same way', () => {
    const frames = new SharedFrames();
    const first = event('ADDED', 'a');
    const frame = frames.of(first, 'json');
    assert.equal(frames.of({ ...first }, 'json'), frame);
    assert.equal(Buffer.concat(frame).toString(), `{"type":"ADDED","object":${first.entry.json().toString()}}\n`);
  });

  test('differ by type, encoding and entry', () => {
    const frames = new SharedFrames();
    const first = event('ADDED', 'a');
    const text = (each: WatchEvent, encoding: 'json' | 'protobuf'): string =>
      Buffer.concat(frames.of(each, encoding)).toString();
    assert.match(text(first, 'json'), /^\{"type":"ADDED"/);
    assert.match(text({ ...first, type: 'MODIFIED' }, 'json'), /^\{"type":"MODIFIED"/);
    assert.doesNotMatch(text(first, 'protobuf'), /^\{/);
    assert.match(text(event('ADDED', 'b'), 'json'), /"name":"b"/);
  });

  test('without an entry are made each time', () => {
    const frames = new SharedFrames();
    const { object } = event('BOOKMARK', 'a');
    const bookmark = (resourceVersion: string): WatchEvent => ({
      type: 'BOOKMARK',
      object: { ...object, metadata: { resourceVersion } },
    });
    assert.match(Buffer.concat(frames.of(bookmark('7'), 'json')).toString(), /"7"/);
    assert.match(Buffer.concat(frames.of(bookmark('8'), 'json')).toString(), /"8"/);
  });

  test('are joined once for all watches that write the same ones', () => {
    const frames = new SharedFrames();
    const [a, b] = [event('ADDED', 'a'), event('ADDED', 'b')].map((each) => frames.of(each, 'json'));
    assert.ok(a && b);
    const joined = frames.join([a, b]);
    assert.equal(frames.join([a, b]), joined);
    assert.equal(joined.toString(), Buffer.concat([...a, ...b]).toString());
    assert.equal(frames.join([b, a]).toString(), Buffer.concat([...b, ...a]).toString());
    assert.equal(frames.join([a]).toString(), Buffer.concat([...a]).toString());
  });
});
