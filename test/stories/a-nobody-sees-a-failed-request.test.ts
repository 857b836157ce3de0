/** Story A on three nodes with real containers, two rounds of ten (`npm run story` does all), and what happens when a node is lost. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { Foreground } from '../cluster/foreground.ts';
import { leftSince, machineState } from '../harness.ts';
import { loseNode } from './lost-node.ts';
import { StoryA } from './story-a.ts';

/** Promised is a second; a machine that does other things besides may take longer to look. */
const leftOutMsMax = 5000;

describe('story A', { timeout: 1_200_000, ...needsContainers }, () => {
  let story: StoryA;
  let machineBefore: readonly string[];

  before(async () => {
    machineBefore = await machineState();
    story = await StoryA.open((line) => console.log(line));
  });

  after(async () => {
    await story.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(machineBefore), [], 'the story leaves nothing behind on the machine');
  });

  test('while pods are rolled, scaled and drained no request fails, and no WebSocket ends before its pod must', async () => {
    await story.visitors(200, 50);
    await story.round('n2');
    await story.round('n3');
    const { failures, cutEarly, requests, socketsEnded, pods } = await story.leave();
    console.log(`${requests} requests to ${pods} pods; ${socketsEnded} WebSockets ended with their pod`);
    assert.deepEqual(failures, []);
    assert.deepEqual(cutEarly, []);
    assert.ok(socketsEnded > 50, 'WebSockets were on pods that ended');
    assert.ok(pods > 30, 'new pods got requests');
  });

  test('when a node is lost, its pods are out of every other proxy at once', async () => {
    const lost = story.lab.node('n2');
    for (const [node, tookMs] of await loseNode(story.lab, lost)) {
      console.log(`${node} left the pods of the lost node out after ${tookMs} ms`);
      assert.ok(tookMs < leftOutMsMax, `${node}: ${tookMs} ms`);
    }
  });
});
