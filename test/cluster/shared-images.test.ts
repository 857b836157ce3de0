/** An image that was imported on one machine runs on the other, too; and what is told where it went meanwhile. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Event, Node, Pod } from '../../src/api/schema/types/core-v1.ts';
import { localImagesAnnotation, sharesImagesLabel } from '../../src/api/shared-images.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { eventually, leftSince, machineState } from '../harness.ts';
import { needsContainers } from './containerd-lab.ts';
import { Foreground } from './foreground.ts';
import type { LabNode } from './node-lab/lab-node.ts';
import { NodeLab } from './node-lab.ts';

const waitMs = 120_000;

describe('images of two nodes', { timeout: 600_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let nodes: readonly [LabNode, LabNode];
  let stateBefore: readonly string[];

  before(async () => {
    stateBefore = await machineState();
    lab = await NodeLab.open(2);
    nodes = [lab.node('n1'), lab.node('n2')];
    for (const node of nodes) node.startAgent();
    for (const node of nodes) await lab.ready(node);
    // An administrator trusts this one; the other one's images are its own.
    await lab.mustKubectl('label', 'node', nodes[0].name, `${sharesImagesLabel}=true`);
  });

  after(async () => {
    await lab?.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(stateBefore), [], 'the lab leaves nothing behind on the machine');
  });

  const told = async (node: LabNode): Promise<string> =>
    (await lab.json<Node>('get', 'node', node.name)).metadata?.annotations?.[localImagesAnnotation] ?? '';

  /** On that node alone; resolves when the node tells it. */
  const imported = async (node: LabNode, name: string, seconds: number): Promise<void> => {
    const output = path.join(lab.folder, 'image.tar');
    await packImage({
      name,
      programs: ['busybox'],
      entrypoint: [],
      command: ['/bin/busybox', 'sleep', String(seconds)],
      output,
    });
    const { code, stderr } = await node.naru('image', 'import', output);
    assert.equal(code, 0, stderr);
    await eventually('the node tells its image', async () => (await told(node)).includes(name), waitMs);
  };

  const pod = (name: string, node: LabNode, image: string): Promise<void> =>
    lab.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        nodeName: node.name,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'app', image, imagePullPolicy: 'IfNotPresent' }],
      },
    });

  const runs = (name: string): Promise<unknown> =>
    eventually(
      `pod ${name} runs`,
      async () => (await lab.json<Pod>('get', 'pod', name)).status?.phase === 'Running',
      waitMs,
    );

  const eventsOf = async (name: string, reason: string): Promise<readonly string[]> => {
    const selector = `involvedObject.name=${name},reason=${reason}`;
    const { items } = await lab.json<{ readonly items: readonly Event[] }>(
      'get',
      'events',
      '--field-selector',
      selector,
    );
    return items.map(({ message = '' }) => message);
  };

  test('imported on one, it runs on both; the other has it from there', async () => {
    const [first, second] = nodes;
    await imported(first, 'shop/web:1', 600);
    await pod('here', first, 'shop/web:1');
    await pod('there', second, 'shop/web:1');
    await runs('here');
    await runs('there');
    const from = /^Successfully pulled image "shop\/web:1" from node "n1" in .*Image size: \d+ bytes\.$/;
    await eventually(
      'the event says from where',
      async () => (await eventsOf('there', 'Pulled')).some((message) => from.test(message)),
      waitMs,
    );
    assert.equal(await told(second), '', 'what came from another node is not its own');
  });

  test('removed meanwhile, the registry is asked, and both reasons are told; later the registry alone', async () => {
    const [first, second] = nodes;
    const both =
      /^Failed to pull image "shop\/gone:\d": .+ \(node "n1", where it was imported, did not give it: image docker\.io\/shop\/gone:\d is no longer there\)$/;
    // The node may tell that it went before the other asks: then there is one more try.
    const isToldBoth = async (tries: number): Promise<boolean> => {
      const name = `shop/gone:${tries}`;
      await imported(first, name, 600 + tries);
      const { code, stderr } = await first.naru('image', 'remove', name);
      assert.equal(code, 0, stderr);
      await pod(`gone-${tries}`, second, name);
      const failed = async () => {
        const messages = await eventsOf(`gone-${tries}`, 'Failed');
        return messages.find((message) => message.startsWith('Failed to pull'));
      };
      const message = (await eventually('the pull fails', failed, waitMs)) ?? '';
      return both.test(message) || (tries < 5 && isToldBoth(tries + 1));
    };
    assert.ok(await isToldBoth(1));
    await eventually('the node tells it no longer', async () => !(await told(first)).includes('gone'), waitMs);
  });
});
