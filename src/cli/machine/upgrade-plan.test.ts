import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { parseGitVersion, planNodes, progressOf, serverProblem, skewProblems } from './upgrade-plan.ts';

const program = 'ab'.repeat(32);

function node(
  name: string,
  annotations: Readonly<Record<string, string>> = {},
  ready = 'True',
  version = 'v1.36.0+naru',
): Node {
  return {
    metadata: { name, annotations },
    status: { conditions: [{ type: 'Ready', status: ready }], nodeInfo: { kubeletVersion: version } },
  } as unknown as Node;
}

test('versions are read, and others’ are not taken for ours', () => {
  assert.deepEqual(parseGitVersion('v1.36.0+naru-0.1.0'), { major: '1', minor: '36', naru: '0.1.0' });
  for (const text of ['v1.36.0', 'v1.36.0+k3s1', '']) assert.equal(parseGitVersion(text), undefined);
});

test('a server goes one minor version at a time, and never back', () => {
  const version = (minor: string) => ({ major: '1', minor });
  assert.equal(serverProblem(version('36'), version('36')), undefined);
  assert.equal(serverProblem(version('36'), version('37')), undefined);
  assert.match(serverProblem(version('36'), version('38')) ?? '', /more than one minor version at once/);
  assert.match(serverProblem(version('37'), version('36')) ?? '', /older than the cluster/);
});

test('each node is upgraded, or it is said why not', () => {
  const running = (digest: string) => ({ 'naru.io/agent-running': digest });
  const all = [
    node('server', running('')),
    node('fresh', running('')),
    node('older', running('cd'.repeat(32))),
    node('same', running(program)),
    node('foreign'),
    node('away', running(''), 'Unknown'),
  ];
  const steps = planNodes(all, 'server', program, false).map(({ name, step, why }) => `${name}: ${step} ${why}`.trim());
  assert.deepEqual(steps, [
    'server: skip part of the server',
    'fresh: upgrade',
    'older: upgrade',
    'same: skip has this version already',
    'foreign: skip its agent cannot be upgraded from here; upgrade naru on that machine',
    'away: skip not Ready; run naru upgrade again when it is back',
  ]);
  assert.equal(planNodes([node('fresh', running(''))], undefined, undefined, false)[0]?.step, 'upgrade');
  assert.equal(planNodes([node('s', running(''))], undefined, program, true)[0]?.why, 'simulated by the server');
});

test('nodes that a server of this version could not have are named', () => {
  const all = [
    node('a'),
    node('b', {}, 'True', 'v1.32.1'),
    node('c', {}, 'True', 'v1.37.0'),
    node('d', {}, 'True', ''),
  ];
  assert.deepEqual(skewProblems(all, { major: '1', minor: '36' }), ['node b (1.32)', 'node c (1.37)']);
});

test('how far a node is', () => {
  const asked = { 'naru.io/agent': program };
  assert.deepEqual(progressOf(node('n', asked), program), { kind: 'waiting' });
  const runs = { ...asked, 'naru.io/agent-running': program };
  assert.deepEqual(progressOf(node('n', runs, 'False'), program), { kind: 'waiting' });
  assert.deepEqual(progressOf(node('n', runs), program), { kind: 'done' });
  const failed = { ...asked, 'naru.io/agent-problem': `${program}: it does not load` };
  assert.deepEqual(progressOf(node('n', failed), program), { kind: 'failed', why: 'it does not load' });
  const older = { ...asked, 'naru.io/agent-problem': `${'cd'.repeat(32)}: it does not load` };
  assert.deepEqual(progressOf(node('n', older), program), { kind: 'waiting' });
});
