import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SubjectAccessReviewStatus } from '../../api/schema/types/authorization-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { SeededPrng } from '../../lib/prng.ts';
import type { AuthorizationAttributes, Decision } from '../../registry/request.ts';
import { AuthorizationMetrics } from './authorization-metrics.ts';
import { compileMatchCondition } from './match-conditions.ts';
import { ReviewFailure } from './review-client.ts';
import type { ReviewSpec } from './review-spec.ts';
import { WebhookAuthorizer, type WebhookAuthorizerOptions } from './webhook-authorizer.ts';

const pods: AuthorizationAttributes = {
  user: { name: 'ann', uid: '7', groups: ['devs'], extra: { scopes: ['a', 'b'] } },
  verb: 'list',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'default',
  name: '',
  path: '',
};

class Hook {
  readonly clock = new VirtualClock();
  readonly metrics = new MetricRegistry();
  readonly asked: ReviewSpec[] = [];
  answer: () => SubjectAccessReviewStatus = () => ({ allowed: true, reason: 'because' });
  readonly authorizer: WebhookAuthorizer;

  constructor({
    conditions = [],
    ...changes
  }: Partial<WebhookAuthorizerOptions['configuration']> & { conditions?: readonly string[] } = {}) {
    const matchConditions = conditions.map((expression) => {
      const compiled = compileMatchCondition(expression);
      assert.ok(typeof compiled !== 'string', expression);
      return compiled;
    });
    const configuration = { authorizedMs: 300_000, unauthorizedMs: 30_000, failurePolicy: 'NoOpinion' } as const;
    this.authorizer = new WebhookAuthorizer({
      name: 'hook',
      configuration: { ...configuration, matchConditions, ...changes },
      ask: async (spec) => {
        this.asked.push(spec);
        return this.answer();
      },
      clock: this.clock,
      prng: new SeededPrng(1),
      log: silentLogger,
      metrics: new AuthorizationMetrics(this.metrics),
    });
  }

  async decide(changes: Partial<AuthorizationAttributes> = {}): Promise<Decision> {
    const decided = Promise.resolve(this.authorizer.decide({ ...pods, ...changes }));
    await this.clock.advance(10_000);
    return decided;
  }
}

test('the question holds who, what and which selectors, as the API says it', async () => {
  const hook = new Hook();
  const fieldSelector = 'spec.nodeName=n1,status.phase!=Running';
  const labelSelector = 'app in (b,a),!old,tier,x>5,color!=red';
  assert.deepEqual(await hook.decide({ fieldSelector, labelSelector }), { allowed: true, reason: 'because' });
  assert.deepEqual(hook.asked, [
    {
      user: 'ann',
      groups: ['devs'],
      extra: { scopes: ['a', 'b'] },
      uid: '7',
      resourceAttributes: {
        namespace: 'default',
        verb: 'list',
        version: 'v1',
        resource: 'pods',
        fieldSelector: {
          requirements: [
            { key: 'spec.nodeName', operator: 'In', values: ['n1'] },
            { key: 'status.phase', operator: 'NotIn', values: ['Running'] },
          ],
        },
        labelSelector: {
          requirements: [
            { key: 'app', operator: 'In', values: ['a', 'b'] },
            { key: 'old', operator: 'DoesNotExist' },
            { key: 'tier', operator: 'Exists' },
            { key: 'color', operator: 'NotIn', values: ['red'] },
          ],
        },
      },
    },
  ]);
  const path = { user: { name: 'bob', groups: [] }, resource: '', version: '', namespace: '', path: '/metrics' };
  await hook.decide({ ...path, verb: 'get', fieldSelector: 'broken' });
  assert.deepEqual(hook.asked[1], { user: 'bob', nonResourceAttributes: { path: '/metrics', verb: 'get' } });
});

test('the four kinds of answer', async () => {
  const rows: readonly (readonly [SubjectAccessReviewStatus, Decision])[] = [
    [{ allowed: true }, { allowed: true, reason: '' }],
    [
      { allowed: false, reason: 'no' },
      { allowed: false, reason: 'no' },
    ],
    [
      { allowed: false, denied: true, reason: 'never' },
      { allowed: false, denied: true, reason: 'never' },
    ],
    [
      { allowed: true, denied: true },
      {
        allowed: false,
        denied: true,
        reason: '',
        problem: 'webhook subject access review returned both allow and deny response',
      },
    ],
  ];
  for (const [status, decision] of rows) {
    const hook = new Hook();
    hook.answer = () => status;
    assert.deepEqual(await hook.decide(), decision);
  }
});

test('an answer is kept for its time, and an allowed one longer than another', async () => {
  const hook = new Hook();
  await hook.decide();
  assert.ok(!(hook.authorizer.decide(pods) instanceof Promise), 'a kept answer costs no turn');
  await hook.clock.advance(300_000 - 1);
  await hook.decide();
  assert.equal(hook.asked.length, 2, 'asked again when its time was over');
  hook.answer = () => ({ allowed: false });
  await hook.decide({ verb: 'delete' });
  await hook.clock.advance(19_000);
  await hook.decide({ verb: 'delete' });
  assert.equal(hook.asked.length, 3);
  await hook.clock.advance(1_000);
  await hook.decide({ verb: 'delete' });
  assert.equal(hook.asked.length, 4);
});

test('what is not to be kept, or too long to be kept, is asked each time', async () => {
  const hook = new Hook({ authorizedMs: 0 });
  await hook.decide();
  await hook.decide();
  assert.equal(hook.asked.length, 2);
  const other = new Hook();
  const name = 'x'.repeat(10_000);
  await other.decide({ name });
  await other.decide({ name });
  assert.equal(other.asked.length, 2);
});

test('the same question, asked by two at the same time, goes out once', async () => {
  const hook = new Hook();
  const both = [hook.authorizer.decide(pods), hook.authorizer.decide(pods)];
  assert.deepEqual(
    (await Promise.all(both.map((one) => Promise.resolve(one)))).map(({ allowed }) => allowed),
    [true, true],
  );
  assert.equal(hook.asked.length, 1);
});

test('no more questions wait than the bound: beyond it the failure policy decides', async () => {
  const hook = new Hook({ failurePolicy: 'Deny' });
  const decide = async (name: string) => hook.authorizer.decide({ ...pods, name });
  const waiting = Array.from({ length: limits.webhookQuestionsMax }, (_, index) => decide(`p${index}`));
  assert.deepEqual(await decide('one-more'), {
    allowed: false,
    denied: true,
    reason: '',
    problem: 'too many questions wait for an answer',
  });
  await Promise.all(waiting);
  assert.equal((await decide('again')).allowed, true);
});

test('no more answers are kept than the bound', async () => {
  const hook = new Hook();
  for (let index = 0; index <= 8_192; index++) await hook.authorizer.decide({ ...pods, name: `pod-${index}` });
  assert.ok(hook.authorizer.decide({ ...pods, name: 'pod-0' }) instanceof Promise, 'the oldest was forgotten');
  assert.ok(!(hook.authorizer.decide({ ...pods, name: 'pod-8192' }) instanceof Promise));
});

test('a passing failure is tried five times, another once; then the failure policy decides', async () => {
  const rows = [
    { failurePolicy: 'NoOpinion', isPassing: true, tries: 5 },
    { failurePolicy: 'NoOpinion', isPassing: false, tries: 1 },
    { failurePolicy: 'Deny', isPassing: true, tries: 5 },
  ] as const;
  for (const { failurePolicy, isPassing, tries } of rows) {
    const hook = new Hook({ failurePolicy });
    hook.answer = () => {
      throw new ReviewFailure('away', { isPassing });
    };
    const denied = failurePolicy === 'Deny' ? { denied: true } : {};
    assert.deepEqual(await hook.decide(), { allowed: false, ...denied, reason: '', problem: 'away' });
    assert.equal(hook.asked.length, tries);
    hook.answer = () => ({ allowed: true });
    assert.equal((await hook.decide()).allowed, true, 'a failure is not kept');
    const failedOpen = 'apiserver_authorization_webhook_evaluations_fail_open_total{name="hook",result="error"} 1';
    assert.equal(hook.metrics.text().includes(failedOpen), failurePolicy === 'NoOpinion');
    assert.match(hook.metrics.text(), /webhook_evaluations_total\{name="hook",result="success"\} 1/);
  }
});

test('a webhook hears only of what meets all its conditions; an error counts where none is false', async () => {
  const ofResources = 'has(request.resourceAttributes)';
  const inDefault = "request.resourceAttributes.namespace == 'default'";
  const rows: readonly (readonly [conditions: string[], changes: Partial<AuthorizationAttributes>, asked: number])[] = [
    [[ofResources, inDefault], {}, 1],
    [[ofResources, inDefault], { namespace: 'other' }, 0],
    [["'devs' in request.groups", "request.extra['scopes'].exists(s, s == 'b')"], {}, 1],
    [["request.user.startsWith('system:')"], {}, 0],
    [[ofResources], { resource: '', path: '/x' }, 0],
    [[inDefault, ofResources], { resource: '', path: '/x' }, 0],
    [['has(request.resourceAttributes.fieldSelector)'], {}, 0],
    [
      ["request.resourceAttributes.fieldSelector.requirements.exists(r, r.key == 'spec.nodeName')"],
      { fieldSelector: 'spec.nodeName=n1' },
      1,
    ],
  ];
  for (const [conditions, changes, asked] of rows) {
    const hook = new Hook({ conditions });
    const { allowed, problem } = await hook.decide(changes);
    assert.deepEqual([hook.asked.length, allowed, problem], [asked, asked === 1, undefined], conditions.join());
  }
  const unsure = new Hook({ conditions: [inDefault], failurePolicy: 'Deny' });
  const decision = await unsure.decide({ resource: '', path: '/x' });
  assert.equal(decision.denied, true);
  assert.match(
    decision.problem ?? '',
    /^cel evaluation error: expression 'request\.resourceAttributes.*resulted in error/,
  );
  assert.equal(unsure.asked.length, 0);
});

test('nobody can list what a webhook would allow', () => {
  assert.deepEqual(new Hook().authorizer.rulesFor(), {
    rules: [],
    incomplete: true,
    problem: 'webhook authorizer does not support user rule resolution',
  });
});
