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

/** @param define makes the file's tests; called inside alone */
export function inOwnNetwork(file: string, define: () => void, timeoutMs = 180_000): void {
  if (process.env[mark] !== undefined) {
    define();
    return;
  }
  test('in a network of its own', needsNetwork, async () => {
    const node = [process.execPath, ...process.execArgv, '--test-reporter=spec', file];
    const args = ['-u', 'NODE_TEST_CONTEXT', 'unshare', ...spaces, 'sh', '-c', setUp, 'sh', ...node];
    const { code, stdout, stderr } = await run('env', args, { env: { [mark]: '1' }, timeoutMs });
    assert.equal(code, 0, `${stdout}${stderr}`);
  });
}
