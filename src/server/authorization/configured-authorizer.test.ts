import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { stringifyYaml } from '../../api/yaml.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { SeededPrng } from '../../lib/prng.ts';
import type { AuthorizationAttributes, Decision } from '../../registry/request.ts';
import type { Decider } from './authorization.ts';
import { AuthorizationMetrics } from './authorization-metrics.ts';
import { ConfiguredAuthorizer, defaultAuthorizer } from './configured-authorizer.ts';
import { ReviewService } from './testing.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-authorization-'));
const file = path.join(folder, 'authorization.yaml');
after(() => rmSync(folder, { recursive: true }));

const configure = (...authorizers: readonly object[]): void => {
  const config = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration', authorizers };
  writeFileSync(file, stringifyYaml(config));
};

const named = (type: string): object => ({ type, name: type.toLowerCase() });

/** Allows what has this verb. */
const allowing = (verb: string): Decider => ({
  decide: (attributes) => ({ allowed: attributes.verb === verb, reason: verb }),
  rulesFor: () => ({ rules: [{ verbs: [verb] }] }),
});

const standing = { nodes: allowing('node'), rbac: allowing('rbac') };

function setting() {
  const clock = new VirtualClock();
  const registry = new MetricRegistry();
  const metrics = new AuthorizationMetrics(registry);
  const parts = { file, standing, metrics, clock, prng: new SeededPrng(1), log: silentLogger };
  return { clock, registry, metrics, authorizer: new ConfiguredAuthorizer(parts) };
}

function asked(verb: string, ...groups: readonly string[]): AuthorizationAttributes {
  const none = { group: '', version: 'v1', subresource: '', namespace: '', name: '', path: '' };
  return { ...none, user: { name: 'ann', groups }, verb, resource: 'pods' };
}

async function allowed(authorizer: Decider, verb: string, ...groups: readonly string[]): Promise<boolean> {
  return (await authorizer.decide(asked(verb, ...groups))).allowed;
}

test('those that the file names are asked in its order, after the masters', async () => {
  configure(named('RBAC'), named('AlwaysDeny'), named('Node'));
  const { authorizer, registry } = setting();
  assert.equal(await allowed(authorizer, 'rbac'), false, 'nothing is allowed before the file was read');
  await authorizer.start();
  assert.equal(await allowed(authorizer, 'rbac'), true);
  assert.equal(await allowed(authorizer, 'node'), true, 'AlwaysDeny has no opinion');
  assert.equal(await allowed(authorizer, 'other', 'system:masters'), true);
  const { reason } = await authorizer.decide(asked('other'));
  assert.equal(reason, 'rbac\nEverything is forbidden.\nnode');
  assert.deepEqual(authorizer.rulesFor({ name: 'ann', groups: [] }, ''), {
    rules: [{ verbs: ['rbac'] }, { verbs: ['node'] }],
  });
  const counted = 'apiserver_authorization_decisions_total{type="RBAC",name="rbac",decision="allowed"} 1';
  assert.ok(registry.text().includes(counted));
  await authorizer.close();
});

test('AlwaysAllow allows everything and says so', async () => {
  configure(named('AlwaysAllow'));
  const { authorizer } = setting();
  await authorizer.start();
  assert.equal(await allowed(authorizer, 'anything'), true);
  assert.equal(authorizer.rulesFor({ name: 'ann', groups: [] }, '').rules.length, 2);
  await authorizer.close();
});

test('without a file nodes and roles are asked', async () => {
  const { metrics } = setting();
  const authorizer = defaultAuthorizer(standing, metrics);
  assert.deepEqual(await authorizer.decide(asked('other')), {
    allowed: false,
    reason: 'node\nrbac',
  } satisfies Decision);
  assert.equal(await allowed(authorizer, 'node'), true);
});

/** Until the file was looked at again. */
async function lookAgain(clock: VirtualClock, seen: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 500; round++) {
    await clock.advance(5_000);
    await setImmediate();
    if (await seen()) return;
  }
  assert.fail('the file was not read again');
}

test('the file is read again when it changes, and a bad one changes nothing', async () => {
  configure(named('RBAC'));
  const { authorizer, clock, registry } = setting();
  await authorizer.start();
  configure(named('Node'));
  await lookAgain(clock, () => allowed(authorizer, 'node'));
  assert.equal(await allowed(authorizer, 'rbac'), false);
  configure(named('ABAC'));
  const failures = 'config_controller_automatic_reloads_total{status="failure"} 1';
  await lookAgain(clock, () => registry.text().includes(failures));
  assert.equal(await allowed(authorizer, 'node'), true);
  rmSync(file);
  const more = 'config_controller_automatic_reloads_total{status="failure"} 2';
  await lookAgain(clock, () => registry.text().includes(more));
  configure(named('RBAC'));
  await lookAgain(clock, () => allowed(authorizer, 'rbac'));
  await authorizer.close();
  assert.equal(clock.pending, 0);
});

test('a cluster does not start with a file that cannot be used', async () => {
  configure(named('ABAC'));
  await assert.rejects(
    setting().authorizer.start(),
    /authorization configuration \/.* cannot be used: authorizers\[0\]/,
  );
  writeFileSync(file, 'x'.repeat(1024 * 1024 + 1));
  await assert.rejects(setting().authorizer.start(), /1048577 bytes, and at most 1048576 are read/);
  rmSync(file);
  await assert.rejects(setting().authorizer.start(), /cannot be used: ENOENT/);
});

test('a webhook stands where the file has it: it may deny what roles would allow', async () => {
  const service = await ReviewService.start();
  const webhook = {
    timeout: '3s',
    subjectAccessReviewVersion: 'v1',
    matchConditionSubjectAccessReviewVersion: 'v1',
    failurePolicy: 'Deny',
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: service.kubeConfigFile },
    matchConditions: [{ expression: "request.user == 'ann' && has(request.resourceAttributes)" }],
  };
  configure({ type: 'Webhook', name: 'hook.example', webhook }, named('RBAC'));
  const { authorizer } = setting();
  await authorizer.start();
  service.react = ({ spec }) => {
    const { verb } = spec.resourceAttributes ?? {};
    return { allowed: verb === 'hook', denied: verb === 'rbac', reason: `${verb} was asked for` };
  };
  const decide = (verb: string) => authorizer.decide(asked(verb));
  assert.deepEqual(await decide('hook'), { allowed: true, reason: 'hook was asked for' });
  assert.deepEqual(await decide('rbac'), { allowed: false, denied: true, reason: 'rbac was asked for' });
  assert.deepEqual(await decide('other'), { allowed: false, reason: 'other was asked for\nrbac' });
  assert.equal(await allowed(authorizer, 'rbac', 'system:masters'), true, 'masters are not asked about');
  assert.deepEqual(service.asked.length, 3);
  service.react = () => ({ code: 400 });
  const failed = await decide('late');
  assert.deepEqual([failed.denied, failed.problem], [true, 'the webhook answered with status 400']);
  await authorizer.close();
  await service.close();
});
