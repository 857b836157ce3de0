/** A short soak: what `npm run soak` does for half an hour, in a minute and with a quarter of the pods. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { TestCluster } from '../harness.ts';
import { soak } from './soak.ts';

after(() => TestCluster.closeAll());

test(
  'whatever is killed for a minute, all pods are Ready in the end, and nothing is left of what was lost',
  needsContainers,
  async (t) => {
    const { faults, problems, table } = await soak({
      minutes: 1,
      seed: 7,
      pods: 30,
      say: (line) => t.diagnostic(line),
    });
    for (const line of table) t.diagnostic(line);
    assert.deepEqual(problems, []);
    assert.ok(faults.size >= 5, `of the kinds of faults there were only ${[...faults.keys()].join(', ')}`);
  },
);
