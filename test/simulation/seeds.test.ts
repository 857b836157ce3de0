/**
 * Two hundred whole clusters, each from its seed, in all climates: as `npm run simulate` runs them, in processes side by side. Each lives for some
 * minutes of trouble, and must then converge and come to rest. What fails prints the command that shows it again.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { calm } from '../../src/simulation/simulator/faults.ts';
import { scenarioNames } from '../../src/simulation/simulator/simulation.ts';
import { familyNames } from '../../src/simulation/simulator/workload.ts';

const main = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function simulate(...options: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [main, 'simulate', ...options]);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    output.stdout += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    output.stderr += bytes.toString();
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, ...output })));
}

/** What the run counted, from a line such as `actions: pods 12, stateful sets 3`. */
function countsIn(stderr: string, what: string): ReadonlyMap<string, number> {
  const [, list = ''] = new RegExp(`^${what}: (.*)$`, 'm').exec(stderr) ?? [];
  return new Map([...list.matchAll(/([^,]+?) (\d+)(?:, |$)/g)].map(([, name = '', count]) => [name, Number(count)]));
}

/** Each of `names` is there, so often at least. */
function assertCounted(stderr: string, what: string, names: readonly string[], least: number): void {
  const counts = countsIn(stderr, what);
  const rare = names.filter((name) => (counts.get(name) ?? 0) < least);
  assert.deepEqual(rare, [], `${what} that came up less than ${least} times, of ${JSON.stringify([...counts])}`);
}

test('200 seeds hold, of every climate at least five, with every disturbance and every family of actions', async () => {
  const { status, stdout, stderr } = await simulate('--seed', '1', '--seeds', '200', '--hours', '0.05', '--jobs', '2');
  assert.equal(status, 0, `${stdout}\n${stderr.split('\n').slice(-5).join('\n')}`);
  const seeds = [...stderr.matchAll(/^seed (\d+) \((.+?)\): held/gm)];
  assert.deepEqual(
    seeds.map(([, seed]) => Number(seed)).sort((a, b) => a - b),
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
  for (const name of scenarioNames.filter((one) => one !== 'quiet')) {
    const count = seeds.filter(([, , climate]) => climate === name).length;
    assert.ok(count >= 5, `${name}: ${count} seeds`);
  }
  assertCounted(stderr, 'disturbances', Object.keys(calm.disturbances), 3);
  assertCounted(stderr, 'actions', familyNames, 3);
  const faults = ['lostRequests', 'lostAnswers', 'slowCalls', 'brokenWatches', 'silentWatches'];
  assertCounted(stderr, 'calls', faults, 100);
});

test('a quiet day holds', async () => {
  const { status, stdout, stderr } = await simulate('--climate', 'quiet', '--hours', '24');
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  const [, hours = ''] = /, (\d+\.\d\d) virtual hours,/.exec(stdout) ?? [];
  assert.ok(Number(hours) >= 24, stdout);
});

test('every fault that is built in is caught', async () => {
  const { status, stdout, stderr } = await simulate('--canary');
  assert.equal(status, 0, `${stdout}\n${stderr}`);
});
