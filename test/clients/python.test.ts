/**
 * Python's client, `kubernetes`, as Debian has it (22, of Kubernetes 1.22), against a running server: `python/` holds what a program would
 * do with it; here each of its functions is a test.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, run, TestCluster } from '../harness.ts';

const folder = path.join(import.meta.dirname, 'python');
/** Debian's own: another Python of the machine does not have Debian's packages. */
const python = '/usr/bin/python3';

interface Outcome {
  readonly name: string;
  readonly error: string | null;
}

describe("Python's client", { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let result: CommandResult;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
    const env = { KUBECONFIG: cluster.kubeconfig, PYTHONDONTWRITEBYTECODE: '1', TMPDIR: cluster.scratch };
    result = await run(python, ['run.py'], { env, cwd: folder, timeoutMs: 90_000 });
  });
  after(() => TestCluster.closeAll());

  test('does everything that the programs in python/ do', async (t) => {
    const lines = result.stdout.split('\n').filter((line) => line.startsWith('{"name"'));
    const outcomes = lines.map((line) => JSON.parse(line) as Outcome);
    for (const { name, error } of outcomes) {
      await t.test(name.replaceAll('_', ' '), () => assert.equal(error, null));
    }
    assert.equal(result.code, 0, result.stderr);
    assert.ok(outcomes.length >= 18, result.stderr);
  });
});
