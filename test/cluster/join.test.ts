/**
 * Machines come and go by hand, as a newcomer does it: `naru token`, `naru join`, `naru node`. The machines are whole ones on a network of their own;
 * nobody dials in to them.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { type CommandResult, elapsedMs, eventually, leftSince, machineState, root, run } from '../harness.ts';
import type { LabNode } from './node-lab/lab-node.ts';
import { NodeLab } from './node-lab.ts';
import { isReady, shellImage } from './workload.ts';

describe('machines join, are emptied, and leave', { timeout: 600_000 }, () => {
  let before_: readonly string[];
  let lab: NodeLab;
  let one: LabNode;
  let two: LabNode;

  before(async () => {
    before_ = await machineState();
    lab = await NodeLab.open(2);
    [one, two] = lab.nodes as [LabNode, LabNode];
  });

  after(async () => {
    await lab.close();
    assert.deepEqual(await leftSince(before_), []);
  });

  /** On the machine of the server. */
  const naru = (...args: string[]): Promise<CommandResult> => {
    const [program = '', ...rest] = lab.outside([path.join(root, 'naru'), ...args]);
    return run(program, rest, { env: { NARU_HOME: path.join(lab.folder, 'server') }, timeoutMs: 120_000 });
  };

  const mustNaru = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await naru(...args);
    assert.equal(code, 0, `naru ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  };

  /** The words behind `naru` in the line that `naru token create` prints. */
  const joinLine = async (...args: string[]): Promise<string[]> => {
    const text = await mustNaru('token', 'create', ...args);
    const [, words = ''] = /^ {2}naru (join .*)$/m.exec(text) ?? [];
    return words.split(' ');
  };

  const refused = async (node: LabNode, pattern: RegExp, ...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await node.naru(...args);
    assert.notEqual(code, 0, stdout);
    assert.match(stderr, pattern);
  };

  const joins = async (node: LabNode, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await node.naru(...args);
    const log = existsSync(path.join(node.home, 'naru.log'))
      ? readFileSync(path.join(node.home, 'naru.log'), 'utf8')
      : '';
    assert.equal(code, 0, `${stderr}${stdout}\n${log.split('\n').slice(-20).join('\n')}`);
    return stdout;
  };

  const podsOn = async (node: LabNode): Promise<Pod[]> => {
    const { items } = await lab.json<PodList>('get', 'pods');
    return items.filter(({ spec, metadata }) => spec?.nodeName === node.name && !metadata?.deletionTimestamp);
  };

  test('what is wrong with a token or a server is said, and nothing is written', async () => {
    const [, server = '', , token = ''] = await joinLine();
    const other = `${token.slice(0, 24)}${'0'.repeat(64)}`;
    await refused(one, /does not say which cluster it is for/, 'join', server, '--token', token.slice(0, 23));
    await refused(one, /another cluster than the one that the token is for/, 'join', server, '--token', other);
    const unknown = `zzzzzz${token.slice(6)}`;
    await refused(one, /does not take this token: it is unknown there/, 'join', server, '--token', unknown);
    await refused(one, /nobody listens there/, 'join', `${server}:6444`, '--token', token);
    await refused(one, /nobody knows that name|no name server answers/, 'join', 'no.such.name', '--token', token);
    await refused(one, /say which cluster, and show a token/, 'join');
    await refused(one, /is no name for a node/, 'join', server, '--token', token, '--node-name', 'A_B');
    assert.equal(existsSync(path.join(one.home, 'agent.kubeconfig')), false);
  });

  test('a machine joins with the line that was printed, is Ready within seconds, and dials out only', async () => {
    const line = await joinLine('--description', 'the first');
    assert.match(await mustNaru('token', 'list'), /the first/);
    const since = elapsedMs();
    const said = await joins(one, ...line);
    console.log(`naru join: ${since()} ms`);
    assert.match(said, /This machine is node n1 \(10\.90\.0\.11\), Ready after/);
    assert.equal(statSync(path.join(one.home, 'agent.kubeconfig')).mode & 0o777, 0o600);
    const listening = await one.mustRun('ss', '-Hltn');
    const outside = listening
      .split('\n')
      .filter((row) => /\s(0\.0\.0\.0|\[::\]|\*|10\.90\.\S+):\d+\s+\S+\s*$/.test(row));
    assert.deepEqual(outside, [], 'no port is open to others');
  });

  test('a second join says that it is done, also without arguments; another name or cluster is refused', async () => {
    const line = await joinLine();
    assert.match(await joins(one, ...line), /is node n1 already, and Ready/);
    assert.match(await joins(one, 'join'), /is node n1 already, and Ready/);
    await refused(one, /has joined as n1; to have it join as other/, ...line, '--node-name', 'other');
    const elsewhere = `${line[3]?.slice(0, 24)}${'0'.repeat(64)}`;
    await refused(
      one,
      /is a node of the cluster at https:\/\/10\.90\.0\.1:6443 already/,
      'join',
      '10.90.0.1',
      '--token',
      elsewhere,
    );
  });

  test('a name that a machine has which is up cannot be taken; with its own the second one joins', async () => {
    const line = await joinLine();
    await refused(two, /has a node n1 already, and it is up/, ...line, '--node-name', 'n1');
    await joins(two, ...line);
    const list = await mustNaru('node', 'list');
    assert.match(list, /n1 +Ready .*\n.*n2 +Ready /);
  });

  test('after a power cut, naru join alone brings the machine back', async () => {
    await two.crash();
    await two.powerOn();
    assert.match(await joins(two, 'join'), /This machine is node n2/);
  });

  test('a drain waits for a disruption budget, says for what, and empties the node when it may', async () => {
    const archive = path.join(lab.folder, 'shell.tar');
    await packImage({ name: shellImage, programs: ['busybox'], entrypoint: [], command: ['/bin/sh'], output: archive });
    await lab.importImage(archive);
    const labels = { app: 'web' };
    const container = { name: 'c', image: shellImage, command: ['/bin/sleep', '100000'], imagePullPolicy: 'Never' };
    const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
    await lab.mustKubectl('cordon', 'n2');
    await lab.create(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: { replicas: 2, selector: { matchLabels: labels }, template },
      },
      {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'web' },
        spec: { minAvailable: 2, selector: { matchLabels: labels } },
      },
    );
    await eventually('two pods are Ready', async () => (await podsOn(one)).filter(isReady).length === 2, 60_000);
    assert.match(await mustNaru('node', 'uncordon', 'n2'), /n2 takes new pods from now on/);
    const { code, stdout, stderr } = await naru('node', 'drain', 'n1', '--timeout', '2s');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /default\/web-\S+ waits: disruption budget web \(minAvailable: 2\) wants all 2 of its pods healthy/,
    );
    assert.match(stderr, /node n1 is not empty after 2s; it stays cordoned/);
    assert.equal((await podsOn(one)).length, 2);
    await lab.mustKubectl('patch', 'pdb', 'web', '--type=merge', '-p', '{"spec":{"minAvailable":1}}');
    assert.match(await mustNaru('node', 'drain', 'n1', '--timeout', '60s'), /Node n1 is empty/);
    assert.deepEqual(await podsOn(one), []);
    await eventually('both run elsewhere', async () => (await podsOn(two)).filter(isReady).length === 2);
  });

  test('a pod that nobody makes anew holds up a drain until it is forced', async () => {
    await mustNaru('node', 'uncordon', 'n1');
    const container = { name: 'c', image: shellImage, command: ['/bin/sleep', '100000'], imagePullPolicy: 'Never' };
    await lab.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone' },
      spec: { nodeName: 'n1', terminationGracePeriodSeconds: 0, containers: [container] },
    });
    const { code, stderr } = await naru('node', 'drain', 'n1');
    assert.equal(code, 1);
    assert.match(stderr, /default\/alone: nobody would make it anew \(--force\)/);
    await mustNaru('node', 'drain', 'n1', '--force', '--timeout', '60s');
  });

  test('a node that is removed cannot come back with what it has, and joins again with a new token', async () => {
    assert.match(await mustNaru('node', 'remove', 'n1', '--force'), /Node n1 is out of the cluster/);
    await eventually('its agent is refused', () =>
      /Unauthorized/.test(readFileSync(path.join(one.home, 'naru.log'), 'utf8')),
    );
    assert.doesNotMatch(await mustNaru('node', 'list'), /n1/);
    await refused(one, /does not take the certificate of this machine/, 'join');
    assert.match(await joins(one, ...(await joinLine())), /This machine is node n1/);
  });

  test('a token that was taken back is good for nothing', async () => {
    const line = await joinLine();
    const [id = ''] = (line[3] ?? '').split('.');
    await mustNaru('token', 'delete', id);
    const down = await one.naru('down', '--all');
    assert.equal(down.code, 0, down.stderr);
    await refused(one, /does not take this token/, ...line);
  });
});
