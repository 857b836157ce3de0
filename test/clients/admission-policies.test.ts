/**
 * The examples of Kubernetes' documentation on admission policies (validating-admission-policy, mutating-admission-policy), applied and tried
 * with the real kubectl 1.36: parameters of custom kinds, bindings by environment, messages, variables, warnings, type checking, sidecars.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';
const rule = (apiGroup: string, resources: string[], operations = ['CREATE', 'UPDATE']): object => ({
  resourceRules: [{ apiGroups: [apiGroup], apiVersions: ['v1'], operations, resources }],
});
const deployments = rule('apps', ['deployments']);

const validating = (name: string, spec: object): object => ({
  apiVersion,
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name },
  spec: { failurePolicy: 'Fail', matchConstraints: deployments, ...spec },
});
const mutating = (name: string, spec: object): object => ({
  apiVersion,
  kind: 'MutatingAdmissionPolicy',
  metadata: { name },
  spec: { failurePolicy: 'Fail', reinvocationPolicy: 'IfNeeded', ...spec },
});
const bound = (kind: 'Validating' | 'Mutating', name: string, spec: object): object => ({
  apiVersion,
  kind: `${kind}AdmissionPolicyBinding`,
  metadata: { name },
  spec: { ...(kind === 'Validating' && { validationActions: ['Deny'] }), ...spec },
});
const inEnvironment = (operator: string, values?: string[]): object => ({
  namespaceSelector: { matchExpressions: [{ key: 'environment', operator, ...(values && { values }) }] },
});

/** A kind whose objects are parameters: whatever stands beside their metadata. */
const definition = (group: string, kind: string, plural: string, scope: string, properties: object): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope,
    names: { plural, kind },
    versions: [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } },
    ],
  },
});

describe('admission policies of the documentation', { timeout: 180_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
    for (const environment of ['test', 'prod']) {
      await cluster.mustKubectl('create', 'namespace', environment);
      await cluster.mustKubectl('label', 'namespace', environment, `environment=${environment}`);
    }
  });
  after(() => TestCluster.closeAll());

  const apply = async (...objects: object[]): Promise<void> => {
    for (const object of objects) {
      const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
      assert.equal(code, 0, stderr);
    }
  };
  const remove = async (...names: string[]): Promise<void> => {
    for (const name of names) await cluster.mustKubectl('delete', name);
  };
  const create = (namespace: string, replicas: number, image = 'nginx') =>
    cluster.kubectl([
      '-n',
      namespace,
      'create',
      'deployment',
      'nginx',
      `--image=${image}`,
      `--replicas=${replicas}`,
      '--dry-run=server',
    ]);
  const denied = (policy: string, binding: string, why: string): string =>
    `error: failed to create deployment: deployments.apps "nginx" is forbidden: ValidatingAdmissionPolicy '${policy}' with binding '${binding}' denied request: ${why}\n`;

  test('a bound on replicas, in the namespaces of one environment', async () => {
    await apply(
      validating('demo-policy.example.com', { validations: [{ expression: 'object.spec.replicas <= 5' }] }),
      bound('Validating', 'demo-binding-test.example.com', {
        policyName: 'demo-policy.example.com',
        matchResources: { namespaceSelector: { matchLabels: { environment: 'test' } } },
      }),
    );
    const why = 'failed expression: object.spec.replicas <= 5';
    const refused = await create('test', 6);
    assert.equal(refused.stderr, denied('demo-policy.example.com', 'demo-binding-test.example.com', why));
    assert.equal((await create('test', 5)).code, 0);
    assert.equal((await create('prod', 6)).code, 0);
    await cluster.mustKubectl(
      'patch',
      'validatingadmissionpolicybinding',
      'demo-binding-test.example.com',
      '--type=merge',
      '-p',
      '{"spec":{"validationActions":["Warn","Audit"]}}',
    );
    const warned = await create('test', 6);
    assert.equal(warned.code, 0);
    assert.equal(
      warned.stderr,
      `Warning: Validation failed for ValidatingAdmissionPolicy 'demo-policy.example.com' with binding 'demo-binding-test.example.com': ${why}\n`,
    );
    await remove('validatingadmissionpolicybinding/demo-binding-test.example.com');
  });

  test('bounds that stand in objects of a custom kind, other ones for each environment', async () => {
    const policyName = 'replicalimit-policy.example.com';
    const limit = (name: string, maxReplicas: number): object => ({
      apiVersion: 'rules.example.com/v1',
      kind: 'ReplicaLimit',
      metadata: { name, namespace: 'default' },
      maxReplicas,
    });
    const binding = (name: string, param: string, matchResources: object): object =>
      bound('Validating', name, {
        policyName,
        paramRef: { name: param, namespace: 'default', parameterNotFoundAction: 'Deny' },
        matchResources,
      });
    const policy = validating(policyName, {
      paramKind: { apiVersion: 'rules.example.com/v1', kind: 'ReplicaLimit' },
      validations: [
        { expression: 'params != null', message: 'params missing but required to bind to this policy' },
        {
          expression: 'object.spec.replicas <= params.maxReplicas',
          messageExpression: "'object.spec.replicas must be no greater than ' + string(params.maxReplicas)",
          reason: 'Invalid',
        },
      ],
    });
    await apply(
      policy,
      binding('replicalimit-binding-test.example.com', 'replica-limit-test.example.com', inEnvironment('In', ['test'])),
    );
    const configured = await create('test', 2);
    assert.match(
      configured.stderr,
      /denied request: failed to configure policy: failed to find resource referenced by paramKind: 'rules\.example\.com\/v1, Kind=ReplicaLimit'$/m,
    );
    await apply(
      definition('rules.example.com', 'ReplicaLimit', 'replicalimits', 'Namespaced', {
        maxReplicas: { type: 'integer' },
      }),
    );
    await cluster.mustKubectl(
      'wait',
      '--for=condition=Established',
      'crd/replicalimits.rules.example.com',
      '--timeout=20s',
    );
    const missing = await create('test', 2);
    assert.match(
      missing.stderr,
      /failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/m,
    );
    await apply(
      limit('replica-limit-test.example.com', 3),
      limit('replica-limit-prod.example.com', 100),
      binding('replicalimit-binding-nontest', 'replica-limit-prod.example.com', inEnvironment('NotIn', ['test'])),
    );
    const [test3, test4, prod100, prod101] = [
      await create('test', 3),
      await create('test', 4),
      await create('prod', 100),
      await create('prod', 101),
    ];
    assert.deepEqual([test3.code, prod100.code], [0, 0]);
    const why = 'object.spec.replicas must be no greater than';
    assert.equal(test4.stderr, denied(policyName, 'replicalimit-binding-test.example.com', `${why} 3`));
    assert.equal(prod101.stderr, denied(policyName, 'replicalimit-binding-nontest', `${why} 100`));
    await apply(limit('replica-limit-test.example.com', 4));
    assert.equal((await create('test', 4)).code, 0, 'a changed parameter counts at once');
    await remove(`validatingadmissionpolicy/${policyName}`);
  });

  test('images by the environment of their namespace, through variables', async () => {
    const policyName = 'image-matches-namespace-environment.policy.example.com';
    await apply(
      validating(policyName, {
        variables: [
          {
            name: 'environment',
            expression:
              "'environment' in namespaceObject.metadata.labels ? namespaceObject.metadata.labels['environment'] : 'prod'",
          },
          {
            name: 'exempt',
            expression:
              "has(object.metadata.labels) && 'exempt' in object.metadata.labels && object.metadata.labels['exempt'] == 'true'",
          },
          { name: 'containers', expression: 'object.spec.template.spec.containers' },
          { name: 'containersToCheck', expression: "variables.containers.filter(c, c.image.contains('example.com/'))" },
        ],
        validations: [
          {
            expression:
              "variables.exempt || variables.containersToCheck.all(c, c.image.startsWith(variables.environment + '.'))",
            messageExpression:
              "'only ' + variables.environment + ' images are allowed in namespace ' + namespaceObject.metadata.name",
          },
        ],
      }),
      bound('Validating', 'demo-binding-test.example.com', { policyName }),
    );
    const refused = await create('prod', 1, 'dev.example.com/nginx');
    const why = 'only prod images are allowed in namespace prod';
    assert.equal(refused.stderr, denied(policyName, 'demo-binding-test.example.com', why));
    assert.equal((await create('prod', 1, 'prod.example.com/nginx')).code, 0);
    assert.equal((await create('prod', 1, 'nginx')).code, 0);
    await remove(
      `validatingadmissionpolicy/${policyName}`,
      'validatingadmissionpolicybinding/demo-binding-test.example.com',
    );
  });

  test('type checking tells of each kind what is wrong', async () => {
    await apply(
      validating('replica-policy.example.com', {
        matchConstraints: rule('apps', ['deployments', 'replicasets']),
        validations: [{ expression: 'object.replicas > 1', message: 'must be replicated', reason: 'Invalid' }],
      }),
    );
    const checked = await eventually('types are checked', async () => {
      const read = await cluster.json<{ status?: { typeChecking?: object; observedGeneration?: number } }>(
        'get',
        'validatingadmissionpolicy',
        'replica-policy.example.com',
      );
      return read.status?.typeChecking && read.status;
    });
    const wrong = (kind: string): string =>
      `apps/v1, Kind=${kind}: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^\n`;
    assert.deepEqual(checked, {
      observedGeneration: 1,
      typeChecking: {
        expressionWarnings: [
          { fieldRef: 'spec.validations[0].expression', warning: `${wrong('Deployment')}\n${wrong('ReplicaSet')}` },
        ],
      },
    });
    await remove('validatingadmissionpolicy/replica-policy.example.com');
  });

  const pod = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'myapp' },
    spec: {
      initContainers: [{ name: 'myapp-initializer', image: 'example/initializer:v1.0.0' }],
      containers: [{ name: 'myapp', image: 'example/myapp:v1.0.0' }],
    },
  });
  const sidecars: readonly [name: string, mutation: object][] = [
    [
      'an applied configuration',
      {
        patchType: 'ApplyConfiguration',
        applyConfiguration: {
          expression: `Object{spec: Object.spec{initContainers: [Object.spec.initContainers{
            name: "mesh-proxy", image: "mesh/proxy:v1.0.0", restartPolicy: "Always"}]}}`,
        },
      },
    ],
    [
      'a JSON patch',
      {
        patchType: 'JSONPatch',
        jsonPatch: {
          expression: `[JSONPatch{op: "add", path: "/spec/initContainers/-", value: Object.spec.initContainers{
            name: "mesh-proxy", image: "mesh/proxy:v1.0.0", restartPolicy: "Always"}}]`,
        },
      },
    ],
  ];

  for (const [name, mutation] of sidecars) {
    test(`a sidecar in every pod that has none, by ${name}`, async () => {
      const policyName = 'sidecar-policy.example.com';
      await apply(
        definition('mutations.example.com', 'Sidecar', 'sidecars', 'Namespaced', {}),
        mutating(policyName, {
          paramKind: { apiVersion: 'mutations.example.com/v1', kind: 'Sidecar' },
          matchConstraints: rule('', ['pods'], ['CREATE']),
          matchConditions: [
            {
              name: 'does-not-already-have-sidecar',
              expression: '!object.spec.initContainers.exists(ic, ic.name == "mesh-proxy")',
            },
          ],
          mutations: [mutation],
        }),
        bound('Mutating', 'sidecar-binding-test.example.com', {
          policyName,
          paramRef: { name: 'meshproxy-test.example.com', namespace: 'default', parameterNotFoundAction: 'Deny' },
          matchResources: inEnvironment('Exists'),
        }),
      );
      await cluster.mustKubectl(
        'wait',
        '--for=condition=Established',
        'crd/sidecars.mutations.example.com',
        '--timeout=20s',
      );
      await apply({
        apiVersion: 'mutations.example.com/v1',
        kind: 'Sidecar',
        metadata: { name: 'meshproxy-test.example.com', namespace: 'default' },
      });
      const args = ['-n', 'test', 'apply', '--dry-run=server', '-o', 'json', '-f', '-'];
      const { code, stdout, stderr } = await cluster.kubectl(args, { input: pod });
      assert.equal(code, 0, stderr);
      const { spec } = JSON.parse(stdout) as { spec: { initContainers: { name: string; restartPolicy?: string }[] } };
      const names = spec.initContainers.map(({ name: one, restartPolicy = '' }) => `${one} ${restartPolicy}`);
      assert.deepEqual(names.toSorted(), ['mesh-proxy Always', 'myapp-initializer ']);
      await remove(
        `mutatingadmissionpolicy/${policyName}`,
        'mutatingadmissionpolicybinding/sidecar-binding-test.example.com',
      );
    });
  }
});
