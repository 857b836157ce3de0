import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { failure } from './simulate.ts';

const main = path.join(import.meta.dirname, '..', 'main.ts');

test('a run that holds says so, tells its progress beside, and ends with 0', () => {
  const args = [main, 'simulate', '--seed', '4', '--hours', '0.01'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.match(
    stdout,
    /^Every invariant held: 1 seed, \d+\.\d\d virtual hours, \d+\.\d\d virtual hours per second\.\n$/,
  );
  assert.match(stderr, /^seed 4 \(.+\): held, converged in \d+ s; .* hash [0-9a-f]{16}; /);
  assert.equal(status, 0);
});

test('a run that does not hold names the invariant, when it broke, and the command that shows it again', () => {
  const violation = { invariant: 'a pod is bound once', message: 'pods default/web moved', atMs: 61_500 };
  assert.equal(
    failure({ seed: 7, violation }, 0.5),
    'Broken after 61.500 s of virtual time: a pod is bound once.\n  pods default/web moved\nTo see it again:\n  npm run simulate -- --seed 7 --hours 0.5\n',
  );
});
