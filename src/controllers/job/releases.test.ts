/** What a look at the releases shows, and when it changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Releases } from './releases.ts';

test('what was read stays as it was read, though the release is seen later', () => {
  const releases = new Releases();
  releases.expect('default/job', 'a');
  releases.expect('default/job', 'b');
  const read = releases.of('default/job');
  releases.seen('default/job', 'a');
  releases.expect('default/job', 'c');
  assert.deepEqual([...read], ['a', 'b']);
  assert.deepEqual([...releases.of('default/job')], ['b', 'c']);
});

test('what was seen, or is of another job, is not expected', () => {
  const releases = new Releases();
  releases.expect('default/job', 'a');
  releases.seen('default/job', 'a');
  assert.deepEqual([...releases.of('default/job'), ...releases.of('default/other')], []);
});
