/**
 * A test file with a network and processes of its own: it runs again in new namespaces, as root, where every port and all of 10.99.0.0/24 are free to take.
 * What it leaves running ends with it.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { run } from '../harness.ts';
import { needsNetwork } from './net-lab.ts';

const mark = 'NARU_TEST_OWN_NETWORK';
const spaces = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
const setUp = 'ip link set lo up && ip address add 10.99.0.1/24 dev lo && exec "$@"';

const secondsMax = 400;

/** @param define makes the file's tests; called inside alone */
export function inOwnNetwork(file: string, define: () => void): void {
  if (process.env[mark] !== undefined) {
    define();
    return;
  }
  test('in a network of its own', needsNetwork, async () => {
    const bounded = ['-s', 'KILL', String(secondsMax), 'env', '-u', 'NODE_TEST_CONTEXT', `${mark}=1`];
    const inside = ['unshare', ...spaces, 'sh', '-c', setUp, 'sh', process.execPath, '--test-reporter=spec', file];
    const timeoutMs = (secondsMax + 5) * 1000;
    const { code, stdout, stderr } = await run('timeout', [...bounded, ...inside], { timeoutMs });
    assert.equal(code, 0, `${stdout}${stderr}`);
  });
}
