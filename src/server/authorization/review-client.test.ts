import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../../lib/clock.ts';
import { openReviewClient, ReviewFailure } from './review-client.ts';
import { type Reaction, ReviewService } from './testing.ts';

const spec = { user: 'ann', groups: ['devs'], resourceAttributes: { verb: 'get', resource: 'pods' } };

describe('a review sent to a service', () => {
  let service: ReviewService;
  before(async () => {
    service = await ReviewService.start();
  });
  after(() => service.close());

  async function ask(reaction: Reaction, changes: { reviewVersion?: 'v1' | 'v1beta1'; timeoutMs?: number } = {}) {
    service.react = () => reaction;
    const { kubeConfigFile } = service;
    const client = await openReviewClient(
      { kubeConfigFile, timeoutMs: 3000, reviewVersion: 'v1', ...changes },
      new RealClock(),
    );
    return client.ask(spec).finally(() => client.close());
  }

  async function failure(reaction: Reaction, timeoutMs = 3000): Promise<ReviewFailure> {
    const error: unknown = await ask(reaction, { timeoutMs }).then(
      () => undefined,
      (rejected: unknown) => rejected,
    );
    assert.ok(error instanceof ReviewFailure);
    return error;
  }

  test('goes out with the client certificate of the kubeconfig and comes back with its status', async () => {
    assert.deepEqual(await ask({ allowed: true, reason: 'x' }), { allowed: true, reason: 'x' });
    assert.deepEqual(await ask({ allowed: false, denied: true }), { allowed: false, denied: true });
    assert.deepEqual(service.asked.at(-1), {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec,
      status: { allowed: false },
    });
    assert.equal(service.callers.at(-1), 'api-server');
  });

  test('has its groups under the old name in v1beta1', async () => {
    assert.equal((await ask({ allowed: true }, { reviewVersion: 'v1beta1' })).allowed, true);
    const { groups, ...rest } = spec;
    assert.deepEqual(service.asked.at(-1)?.spec, { ...rest, group: groups });
    assert.equal(service.asked.at(-1)?.apiVersion, 'authorization.k8s.io/v1beta1');
  });

  test('fails for the moment where the service says so or breaks off, and for good otherwise', async () => {
    for (const code of [429, 500, 504]) assert.equal((await failure({ code })).isPassing, true, String(code));
    for (const code of [302, 400, 401, 503]) assert.equal((await failure({ code })).isPassing, false, String(code));
    assert.equal((await failure('reset')).isPassing, true);
    const texts = ['', '[]', '{}', '{"kind":"SubjectAccessReview","apiVersion":"v1","status":{"allowed":true}}'];
    for (const text of texts) assert.match((await failure({ text })).message, /did not answer with a SubjectAccessRev/);
  });

  test('is given up after its time, and where the answer has no end', async () => {
    const late = await failure('silence', 20);
    assert.deepEqual([late.isTimeout, late.isPassing], [true, false]);
    assert.match(late.message, /^no answer from 127\.0\.0\.1:\d+ in time$/);
    assert.match(
      (await failure({ text: 'x'.repeat(2 * 1024 * 1024) })).message,
      /the answer has more than 1048576 bytes/,
    );
  });

  test('goes to nobody without TLS', async () => {
    const kubeConfigFile = path.join(service.folder, 'plain');
    const cluster = 'clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]';
    writeFileSync(kubeConfigFile, `${cluster}\ncontexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n`);
    const connection = { kubeConfigFile, timeoutMs: 1000, reviewVersion: 'v1' } as const;
    await assert.rejects(openReviewClient(connection, new RealClock()), /must begin with https:\/\//);
  });
});
