import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { blocksOf } from './simulate-jobs.ts';
import { failure } from './simulate-report.ts';

const main = path.join(import.meta.dirname, '..', 'main.ts');

test('a run that holds says so, tells its progress beside, and ends with 0', () => {
  const args = [main, 'simulate', '--seed', '4', '--hours', '0.01'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.match(
    stdout,
    /^Every invariant held: 1 seed, \d+\.\d\d virtual hours, \d+\.\d\d virtual hours per second\.\n$/,
  );
  assert.match(stderr, /^seed 4 \(.+\): held, converged in \d+ s; .* hash [0-9a-f]{16}; /);
  assert.match(stderr, /^actions: \w.* \d+$/m);
  assert.match(stderr, /^calls: calls \d+, lostRequests \d+, .*silentWatches \d+$/m);
  assert.equal(status, 0);
});

test('a run that does not hold names the invariant, when it broke, and the command that shows it again', () => {
  const violation = { invariant: 'a pod is bound once', message: 'pods default/web moved', atMs: 61_500 };
  assert.equal(
    failure({ seed: 7, violation }, { hours: 0.5 }),
    'Broken after 61.500 s of virtual time: a pod is bound once.\n  pods default/web moved\nTo see it again:\n  npm run simulate -- --seed 7 --hours 0.5\n',
  );
});

test('processes side by side run each seed once, and find what one alone does', () => {
  const common = [main, 'simulate', '--seed', '40', '--seeds', '3', '--hours', '0.01'];
  const lines = (jobs: string): readonly string[] => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...common, '--jobs', jobs], { encoding: 'utf8' });
    assert.match(stdout, /^Every invariant held: 3 seeds, /);
    assert.equal(status, 0);
    return stderr.match(/^seed \d+ .* hash [0-9a-f]+/gm)?.sort() ?? [];
  };
  const alone = lines('1');
  assert.equal(alone.length, 3);
  assert.deepEqual(lines('2'), alone);
});

test('seeds are dealt out in blocks, the last of which may be smaller', () => {
  assert.deepEqual(blocksOf(5, 7, 3), [
    { seed: 5, seeds: 3 },
    { seed: 8, seeds: 3 },
    { seed: 11, seeds: 1 },
  ]);
});

test('a climate that does not exist is named, with those that do', () => {
  const args = [main, 'simulate', '--climate', 'nice'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.match(stderr, /there is no climate nice; there are: quiet, mixed, .*rollouts, drains/);
  assert.equal(status, 1);
});
