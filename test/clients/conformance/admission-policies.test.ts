/**
 * Upstream's conformance tests of admission policies (test/e2e/apimachinery/validatingadmissionpolicy.go and mutatingadmissionpolicy.go):
 *
 *   ValidatingAdmissionPolicy should validate against a Deployment
 *   ValidatingAdmissionPolicy should type check validation expressions
 *   ValidatingAdmissionPolicy should allow expressions to refer variables.
 *   ValidatingAdmissionPolicy should type check a CRD
 *   MutatingAdmissionPolicy should mutate a Deployment
 *   MutatingAdmissionPolicy should mutate a Deployment with annotations
 *
 * Their API operations stand in `lifecycles.ts`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { type ResourceClient, refusal, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import type { Sent } from './wire.ts';

const v1 = 'admissionregistration.k8s.io/v1';
const labels = { app: 'nginx' };
const podTemplate = { metadata: { labels }, spec: { containers: [{ name: 'nginx', image: 'nginx:latest' }] } };

const workload = (name: string, replicas: number): object => ({
  metadata: { name, labels },
  spec: { replicas, selector: { matchLabels: labels }, template: podTemplate },
});

describe('conformance: admission policies', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up(1);
  });
  after(() => cluster.close());

  const client = (apiVersion: string, kind: string, namespace?: string): ResourceClient =>
    typed(cluster.wire, apiVersion, kind, namespace);

  /** A namespace whose label policies and bindings ask for, so that tests do not disturb each other. */
  async function labelled(base: string): Promise<string> {
    const name = await cluster.namespace(base);
    await client('v1', 'Namespace').patch(name, 'merge', { metadata: { labels: { [name]: 'true' } } });
    return name;
  }

  const constraints = (unique: string, group = 'apps', resource = 'deployments'): object => ({
    namespaceSelector: { matchLabels: { [unique]: 'true' } },
    resourceRules: [
      { operations: ['CREATE', 'UPDATE'], apiGroups: [group], apiVersions: ['v1'], resources: [resource] },
    ],
  });

  async function enforce(unique: string, spec: object): Promise<void> {
    const policyName = `${unique}.policy.example.com`;
    const matchConstraints = constraints(unique);
    const policies = client(v1, 'ValidatingAdmissionPolicy');
    await policies.create({ metadata: { name: policyName }, spec: { matchConstraints, ...spec } });
    await client(v1, 'ValidatingAdmissionPolicyBinding').create({
      metadata: { name: `${unique}.binding.example.com` },
      spec: {
        policyName,
        matchResources: { namespaceSelector: { matchLabels: { [unique]: 'true' } } },
        validationActions: ['Deny'],
      },
    });
  }

  /** What type checking says of a new policy. */
  async function warnings(name: string, matchConstraints: object, validations: readonly object[]): Promise<Sent[]> {
    const policies = client(v1, 'ValidatingAdmissionPolicy');
    await policies.create({ metadata: { name }, spec: { matchConstraints, validations } });
    const checked = await eventually(`types of ${name} are checked`, async () => {
      const { status } = await policies.get(name);
      return status?.typeChecking;
    });
    return checked.expressionWarnings ?? [];
  }

  test('ValidatingAdmissionPolicy should validate against a Deployment', async () => {
    const unique = await labelled('vap-deployment');
    await enforce(unique, {
      validations: [
        {
          expression: 'object.spec.replicas > 1',
          messageExpression: "'wants replicas > 1, got ' + object.spec.replicas",
        },
      ],
    });
    const deployments = client('apps/v1', 'Deployment', unique);
    await refusal(deployments.create(workload('marker-deployment', 1)), 422);
    await deployments.create(workload('replicated', 2));
    await client('apps/v1', 'ReplicaSet', unique).create(workload('non-replicated', 1));
  });

  test('ValidatingAdmissionPolicy should type check validation expressions', async () => {
    const unique = await labelled('vap-types');
    const right = [{ expression: 'object.spec.replicas > 1' }];
    assert.deepEqual(await warnings(`${unique}.correct-policy.example.com`, constraints(unique), right), []);
    const confused = [
      {
        expression: "object.spec.replicas > '1'",
        messageExpression: "'wants replicas > 1, got ' + object.spec.replicas",
      },
    ];
    const found = await warnings(`${unique}.confused-policy.example.com`, constraints(unique), confused);
    assert.deepEqual(
      found.map(({ fieldRef }) => fieldRef),
      ['spec.validations[0].expression', 'spec.validations[0].messageExpression'],
    );
    assert.ok(found[0].warning.includes("found no matching overload for '_>_' applied to '(int, string)'"));
    assert.ok(found[1].warning.includes("found no matching overload for '_+_' applied to '(string, int)'"));
  });

  test('ValidatingAdmissionPolicy should allow expressions to refer variables.', async () => {
    const unique = await labelled('vap-variables');
    await enforce(unique, {
      variables: [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
      ],
      validations: [{ expression: 'variables.replicas > 1' }, { expression: 'variables.oddReplicas' }],
    });
    const deployments = client('apps/v1', 'Deployment', unique);
    await refusal(deployments.create(workload('marker-deployment', 1)), 422);
    await deployments.create(workload('replicated', 3));
    await client('apps/v1', 'ReplicaSet', unique).create(workload('non-replicated', 1));
  });

  test('ValidatingAdmissionPolicy should type check a CRD', async () => {
    const unique = await labelled('vap-crd');
    const group = `stable.${unique}.example.com`;
    const spec = {
      type: 'object',
      properties: { cronSpec: { type: 'string' }, image: { type: 'string' }, replicas: { type: 'integer' } },
    };
    await client('apiextensions.k8s.io/v1', 'CustomResourceDefinition').create({
      metadata: { name: `crontabs.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
          },
        ],
      },
    });
    await eventually('the definition is published', async () => {
      const { paths } = await cluster.wire.json('/openapi/v3');
      return paths[`apis/${group}/v1`];
    });
    const rules = constraints(unique, group, 'crontabs');
    const right = [{ expression: 'object.spec.replicas > 1' }];
    assert.deepEqual(await warnings(`${unique}.correct-crd-policy.example.com`, rules, right), []);
    const confused = [{ expression: "object.spec.replicas > '1'" }, { expression: 'object.spec.maxRetries < 10' }];
    const found = await warnings(`${unique}.confused-crd-policy.example.com`, rules, confused);
    assert.deepEqual(
      found.map(({ fieldRef }) => fieldRef),
      ['spec.validations[0].expression', 'spec.validations[1].expression'],
    );
    assert.ok(found[0].warning.includes("found no matching overload for '_>_' applied to '(int, string)'"));
    assert.ok(found[1].warning.includes("undefined field 'maxRetries'"));
  });

  const mutations: readonly (readonly [string, string, (created: Sent) => boolean])[] = [
    ['a Deployment', 'Object{spec: Object.spec{replicas: 1337}}', ({ spec }) => spec.replicas === 1337],
    [
      'a Deployment with annotations',
      'Object{metadata: Object.metadata{annotations: {"mutated-by": "admission-policy"}}}',
      ({ metadata }) => metadata.annotations?.['mutated-by'] === 'admission-policy',
    ],
  ];
  for (const [what, expression, isMutated] of mutations) {
    test(`MutatingAdmissionPolicy should mutate ${what}`, async () => {
      const unique = await labelled('map-deployment');
      const policyName = `${unique}.policy.example.com`;
      await client(v1, 'MutatingAdmissionPolicy').create({
        metadata: { name: policyName },
        spec: {
          matchConstraints: constraints(unique),
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
          reinvocationPolicy: 'Never',
        },
      });
      await client(v1, 'MutatingAdmissionPolicyBinding').create({
        metadata: { name: `${unique}.binding.example.com` },
        spec: { policyName, matchResources: { namespaceSelector: { matchLabels: { [unique]: 'true' } } } },
      });
      const deployments = client('apps/v1', 'Deployment', unique);
      const created = await deployments.create(workload('marker-deployment', 1));
      await deployments.delete('marker-deployment');
      assert.ok(isMutated(created), JSON.stringify(created));
    });
  }
});
