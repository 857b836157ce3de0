/**
 * Story E: the key of a third party changes every two weeks, and five services need it. Here the Secret is changed, and that is all that anybody
 * does: every service has the new key soon, and none of their visitors notices.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { PodList } from '../../src/api/schema/types/core-v1.ts';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { Foreground } from '../cluster/foreground.ts';
import { NodeLab } from '../cluster/node-lab.ts';
import { isReady } from '../cluster/workload.ts';
import { elapsedMs, eventually, leftSince, machineState, sleep } from '../harness.ts';
import { Crowd, secondsOf } from './crowd.ts';
import { domains, hostOf, objectsOf, replicas, secret, secretName } from './e-manifests.ts';
import { packWeb, visitFolder } from './web-image.ts';

const rounds = 2;
const longMs = 180_000;
const visitorsPerSecond = 20;
const fingerprint = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 8);

describe('story E', { timeout: 900_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let machineBefore: readonly string[];
  const crowd = new Crowd((line) => console.log(line));

  before(async () => {
    machineBefore = await machineState();
    lab = await NodeLab.open(2);
    await lab.join();
    await lab.importImage(await packWeb(lab.folder));
  });

  after(async () => {
    await crowd.leave();
    await lab.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(machineBefore), [], 'the story leaves nothing behind on the machine');
  });

  /** As many pods as there should be, and none that is on its way out. */
  const isCalm = async (): Promise<boolean> => {
    const { items } = await lab.json<PodList>('get', 'pods', '-l', 'story=e');
    const stays = items.every((pod) => isReady(pod) && pod.metadata?.deletionTimestamp === undefined);
    return stays && items.length === domains.length * replicas;
  };

  /** What the visitors of every domain are answered with. */
  const keysSeen = (): readonly string[] =>
    domains.map((domain) => {
      const seen = Object.entries(crowd.totals.get(domain)?.keys ?? {});
      return seen.toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? '';
    });

  test('a changed Secret reaches every pod of five services, and no request fails', async () => {
    await lab.create(secret('key-0'), ...domains.flatMap(objectsOf));
    await eventually('all pods are Ready', isCalm, longMs);
    const urls = lab.nodes.flatMap(({ address }) => ['--url', `http://${address}`]);
    for (const domain of domains) {
      const argv = [process.execPath, path.join(visitFolder, 'visitors.ts'), ...urls, '--host', hostOf(domain)];
      await eventually(
        `${domain} answers`,
        async () => {
          const ask = `require('http').get({host: ${JSON.stringify(lab.nodes[1]?.address)}, headers: {host: '${hostOf(domain)}'}, timeout: 2000}, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))`;
          const { code } = await lab.outsideRun([process.execPath, '-e', ask]);
          return code === 0;
        },
        longMs,
      );
      crowd.come(domain, lab.outside([...argv, '--rate', String(visitorsPerSecond)]));
    }
    await eventually('visitors of every domain are there', () => keysSeen().every((key) => key !== ''));
    for (let round = 1; round <= rounds; round++) {
      const key = `key-${round}`;
      const changedAtMs = elapsedMs();
      const patch = JSON.stringify({ stringData: { key } });
      await lab.mustKubectl('patch', 'secret', secretName, '--type=merge', '-p', patch);
      await eventually(
        'everybody is answered with the new key',
        () => keysSeen().every((seen) => seen === fingerprint(key)),
        longMs,
      );
      const answeredMs = changedAtMs();
      await eventually('the old pods are gone', isCalm, longMs);
      crowd.tell(
        `key ${round}: every answer of ${domains.length} services with it after ${secondsOf(answeredMs)}, the old pods gone after ${secondsOf(changedAtMs())}; failed requests: ${crowd.failures.length}`,
      );
      await sleep(1000);
      assert.deepEqual(
        new Set(keysSeen()),
        new Set([fingerprint(key)]),
        'nobody is answered with the old key any more',
      );
    }
    await crowd.leave();
    console.log(`${crowd.requests} requests: ${crowd.failures.length} failed`);
    assert.deepEqual(crowd.failures, []);
    assert.ok(crowd.requests > rounds * 100);
  });
});
