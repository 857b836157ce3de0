import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import { cronJobWarnings, jobWarnings, podOwnerWarnings, statefulSetWarnings } from './workload-warnings.ts';

describe('what authors of workloads are warned of', () => {
  it('says of a new one that its name is no host name, and says it once', () => {
    const dotted: Deployment = { metadata: { name: 'web.v1', generation: 1 } };
    const [warning, ...others] = podOwnerWarnings(dotted);
    assert.match(warning ?? '', /^metadata\.name: this is used in Pod names and hostnames/u);
    assert.deepEqual(others, []);
    assert.deepEqual(podOwnerWarnings(dotted, dotted), []);
  });

  it('says that a job with very many indexes may lose count of them', () => {
    const job: Job = {
      metadata: { name: 'many', generation: 1 },
      spec: {
        completionMode: 'Indexed',
        completions: 100_001,
        parallelism: 10_001,
        template: { spec: { containers: [] } },
      },
    };
    const [warning] = jobWarnings(job);
    assert.match(warning ?? '', /^spec: In Indexed Jobs with a number of completions higher than 10\^5/u);
    assert.deepEqual(jobWarnings(job, job), []);
    const scheduled = {
      metadata: { name: 'many', generation: 1 },
      spec: { schedule: '@daily', jobTemplate: { spec: job.spec } },
    };
    assert.match(cronJobWarnings(scheduled as never)[0] ?? '', /^spec\.jobTemplate\.spec: In Indexed Jobs/u);
  });

  it('says that a claim cannot ask for a part of a byte, and that revisions pile up', () => {
    const set: StatefulSet = {
      metadata: { name: 'db', generation: 1 },
      spec: {
        selector: {},
        serviceName: 'db',
        template: { spec: { containers: [] } },
        revisionHistoryLimit: -1,
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage: '100m' } } } }],
      },
    };
    assert.deepEqual(statefulSetWarnings(set), [
      'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "100m" is invalid, must be an integer',
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    ]);
  });
});
