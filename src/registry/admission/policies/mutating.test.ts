import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { type Loose, make, rejection } from '../../testing.ts';
import { type Policies, startPolicies } from './testing.ts';

const on = 'apps/v1 deployments';

const deployment = (spec: JsonObject = {}, podSpec: JsonObject = {}): object => {
  const labels = { app: 'web' };
  const containers = [{ name: 'a', image: 'registry.example/a:1' }];
  const template = { metadata: { labels }, spec: { containers, ...podSpec } };
  return make.deployment({ spec: { replicas: 1, selector: { matchLabels: labels }, template, ...spec } });
};

async function created(policies: Policies, object: object = deployment()): Promise<Loose> {
  return policies.cluster.create('deployments.apps', object, { dryRun: true });
}

interface Row {
  readonly name: string;
  readonly apply?: readonly string[];
  readonly json?: readonly string[];
  readonly variables?: readonly { name: string; expression: string }[];
  readonly object?: object;
  /** A path into the result and what stands there, as JSON. */
  readonly gives?: readonly [path: string, value: unknown][];
  /** How the message ends, behind `denied request: `. */
  readonly error?: string;
  readonly internal?: string;
}

const volumes = (parts: string): string =>
  `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{volumes: [${parts}]}}}}`;
const volume = 'Object.spec.template.spec.volumes';
const replace = (value: string): string => `[JSONPatch{op: "replace", path: "/spec/replicas", value: ${value}}]`;
const label = (value: string): string => `[JSONPatch{op: "add", path: "/metadata/labels", value: ${value}}]`;
const container = (fields: string): string =>
  `[JSONPatch{op: "add", path: "/spec/template/spec/containers/-", value: Object.spec.template.spec.containers{${fields}}}]`;

const rows: readonly Row[] = [
  {
    name: 'sets a field of what was sent',
    apply: ['Object{spec: Object.spec{replicas: object.spec.replicas + 100}}'],
    gives: [['spec.replicas', 101]],
  },
  {
    name: 'makes its mutations in their order, each on what the one before made',
    apply: ['Object{spec: Object.spec{replicas: object.spec.replicas + 100}}'],
    json: [replace('object.spec.replicas + 10')],
    gives: [['spec.replicas', 111]],
  },
  {
    name: 'reads its variables',
    variables: [{ name: 'desired', expression: '10' }],
    apply: ['Object{spec: Object.spec{replicas: variables.desired + 1}}'],
    gives: [['spec.replicas', 11]],
  },
  {
    name: 'adds to a list by its key, and keeps the rest',
    object: deployment({}, { volumes: [{ name: 'x', emptyDir: {} }] }),
    apply: [volumes(`${volume}{name: "y", hostPath: ${volume}.hostPath{path: "/a"}}`)],
    gives: [
      [
        'spec.template.spec.volumes',
        [
          { name: 'x', emptyDir: {} },
          { name: 'y', hostPath: { path: '/a', type: '' } },
        ],
      ],
    ],
  },
  {
    name: 'changes an item of a list by its key',
    object: deployment({}, { volumes: [{ name: 'x', emptyDir: {} }] }),
    apply: [volumes(`${volume}{name: "x", emptyDir: ${volume}.emptyDir{medium: "Memory"}}`)],
    gives: [['spec.template.spec.volumes', [{ name: 'x', emptyDir: { medium: 'Memory' } }]]],
  },
  {
    name: 'fills in the defaults of what it adds',
    apply: [
      `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
         containers: [Object.spec.template.spec.containers{name: "b", image: "b:1", ports: [
           Object.spec.template.spec.containers.ports{containerPort: 80}]}]}}}}`,
    ],
    gives: [
      ['spec.template.spec.containers[1].imagePullPolicy', 'IfNotPresent'],
      ['spec.template.spec.containers[1].ports', [{ containerPort: 80, protocol: 'TCP' }]],
    ],
  },
  {
    name: 'sets keys of maps',
    apply: ['Object{metadata: Object.metadata{annotations: {"mutated-by": "policy"}}}'],
    gives: [['metadata.annotations', { 'mutated-by': 'policy' }]],
  },
  {
    name: 'leaves out what an optional field has no value for',
    apply: ['Object{spec: Object.spec{?paused: object.spec.?paused, replicas: 4}}'],
    gives: [
      ['spec.paused', undefined],
      ['spec.replicas', 4],
    ],
  },
  {
    name: 'refuses to set parts of what has one owner',
    apply: ['Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"l": "v"}}}}'],
    error:
      'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector',
  },
  {
    name: 'refuses a type that stands in the wrong place',
    apply: ['Object{spec: Object.specx{replicas: 1}}'],
    error:
      'type mismatch: unexpected type name "Object.specx", expected "Object.spec", which matches field name path from root Object type',
  },
  {
    name: 'refuses a field that the kind does not have',
    apply: ['Object{spec: Object.spec{replicasx: 1}}'],
    error:
      'error applying patch: failed to convert patch object to typed object: .spec.replicasx: field not declared in schema',
  },
  {
    name: 'refuses a value of another type',
    apply: ['Object{spec: Object.spec{replicas: "x"}}'],
    error:
      'error applying patch: failed to convert patch object to typed object: .spec.replicas: expected numeric (int or float), got string',
  },
  { name: 'patches by path', json: [replace('7')], gives: [['spec.replicas', 7]] },
  {
    name: 'adds, moves, copies and removes',
    object: deployment({ paused: true }),
    json: [
      `[JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}},
        JSONPatch{op: "copy", from: "/metadata/labels/a", path: "/metadata/labels/c"},
        JSONPatch{op: "move", from: "/metadata/labels/a", path: "/metadata/labels/d"},
        JSONPatch{op: "remove", path: "/spec/paused"}]`,
    ],
    gives: [
      ['metadata.labels', { c: 'b', d: 'b' }],
      ['spec.paused', undefined],
    ],
  },
  {
    name: 'patches nothing where a test finds another value',
    json: [
      '[JSONPatch{op: "test", path: "/spec/replicas", value: 100}, JSONPatch{op: "remove", path: "/spec/replicas"}]',
    ],
    gives: [['spec.replicas', 1]],
  },
  {
    name: 'escapes keys for paths',
    json: [
      `[JSONPatch{op: "add", path: "/metadata/labels", value: {}},
        JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/xy"), value: "1"}]`,
    ],
    gives: [['metadata.labels', { 'example.com/xy': '1' }]],
  },
  {
    name: 'patches with whole objects',
    json: [
      container('name: "x", image: "x:1", ports: [Object.spec.template.spec.containers.ports{containerPort: 8080}]'),
    ],
    gives: [['spec.template.spec.containers[1].ports', [{ containerPort: 8080, protocol: 'TCP' }]]],
  },
  {
    name: 'reads, asks for and compares what it wrote itself',
    json: [
      label(
        `{"value": Object{field: "x"}.field, "set": string(has(Object{field: "x"}.field)), "unset": string(has(Object{}.field)),
          "same": string(Object{field: "x"} == Object{field: "x"}), "other": string(Object{field: "x"} == Object{field: "y"})}`,
      ),
    ],
    gives: [['metadata.labels', { other: 'false', same: 'true', set: 'true', unset: 'false', value: 'x' }]],
  },
  {
    name: 'reads, asks for and compares operations',
    json: [
      label(
        `{"op": JSONPatch{op: "a"}.op, "path": JSONPatch{path: "b"}.path, "from": JSONPatch{from: "c"}.from,
          "value": string(JSONPatch{value: "d"}.value), "set": string(has(JSONPatch{value: 1}.value)),
          "unset": string(has(JSONPatch{}.value)), "empty": string(JSONPatch{} == JSONPatch{}),
          "other": string(JSONPatch{op: "add", value: "1"} == JSONPatch{op: "add", value: 1})}`,
      ),
    ],
    gives: [
      [
        'metadata.labels',
        { empty: 'true', from: 'c', op: 'a', other: 'false', path: 'b', set: 'true', unset: 'false', value: 'd' },
      ],
    ],
  },
  {
    name: 'replaces a key that is not there',
    json: [label('{"a": "b"}'), '[JSONPatch{op: "replace", path: "/metadata/labels/c", value: "d"}]'],
    gives: [['metadata.labels', { a: 'b', c: 'd' }]],
  },
  {
    name: 'refuses to replace what is behind the end of a list',
    json: ['[JSONPatch{op: "replace", path: "/spec/template/spec/containers/-", value: {"name": "x"}}]'],
    error:
      'JSON Patch: replace operation does not apply: doc is missing key: /spec/template/spec/containers/-: missing value',
  },
  {
    name: 'keeps items with one key twice where they stand, and makes one of them where one is set',
    object: deployment(
      {},
      {
        containers: [
          {
            name: 'a',
            image: 'a:1',
            env: [
              { name: 'test', value: 'a' },
              { name: 'test', value: 'b' },
              { name: 'foo', value: 'bar' },
            ],
          },
        ],
      },
    ),
    apply: [
      'Object{spec: Object.spec{replicas: 3}}',
      `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
         containers: [Object.spec.template.spec.containers{name: "a", env: [
           Object.spec.template.spec.containers.env{name: "test", value: "c"}]}]}}}}`,
    ],
    gives: [
      [
        'spec.template.spec.containers[0].env',
        [
          { name: 'test', value: 'c' },
          { name: 'foo', value: 'bar' },
        ],
      ],
    ],
  },
  {
    name: 'refuses a path that is not there',
    json: ['[JSONPatch{op: "replace", path: "/spec/absent/field", value: 1}]'],
    error: 'JSON Patch: replace operation does not apply: doc is missing path: /spec/absent/field: missing value',
  },
  {
    name: 'refuses a type that stands in the wrong place of a patch',
    json: [container('name: "x", ports: [Object.spec.template.spec.containers.portsZ{containerPort: 8080}]')],
    error:
      'type mismatch: unexpected type name "Object.spec.template.spec.containers.portsZ", expected "Object.spec.template.spec.containers.ports", which matches field name path from root Object type',
  },
  {
    name: 'fails where a patch makes fields that the kind does not have',
    json: [container('name: "x", ports: [Object.spec.template.spec.containers.ports{containerPortZ: 8080}]')],
    internal: 'strict decoding error: unknown field "spec.template.spec.containers[1].ports[0].containerPortZ"',
  },
  {
    name: 'refuses what costs too much',
    variables: [{ name: 'list', expression: '[0,1,2,3,4,5,6,7,8,9]' }],
    json: [
      replace(
        'variables.list.all(a, variables.list.all(b, variables.list.all(c, variables.list.all(d, variables.list.all(e, variables.list.all(f, "0123456789" == "0123456789")))))) ? 1 : 0',
      ),
    ],
    error: 'operation cancelled: actual cost limit exceeded',
  },
  {
    name: 'knows request, namespace and authorizer',
    json: [
      replace(
        `request.kind.kind == 'Deployment' && namespaceObject.metadata.name == 'default' &&
         authorizer.group('').resource('endpoints').check('create').allowed() ? 10 : 0`,
      ),
    ],
    gives: [['spec.replicas', 10]],
  },
];

function at(object: unknown, path: string): unknown {
  const steps = [...path.matchAll(/[^.[\]]+/g)].map(([step]) => step);
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], object);
}

void describe('a MutatingAdmissionPolicy', () => {
  for (const { name, object, gives = [], error, internal, ...fields } of rows) {
    void test(name, async () => {
      const policies = await startPolicies();
      await policies.mutating('p', { on, ...fields });
      await policies.bindMutating('p');
      if (internal !== undefined) {
        const failed = await rejection(created(policies, object), 'InternalError');
        assert.equal(failed.message, `Internal error occurred: ${internal}`);
      } else if (error === undefined) {
        const result = await created(policies, object);
        for (const [path, value] of gives) assert.deepEqual(at(result, path), value, path);
      } else {
        const message = await policies.refused(created(policies, object));
        assert.ok(message.startsWith("policy 'p' with binding 'p-binding' denied request: "), message);
        assert.ok(message.endsWith(error), message);
      }
    });
  }

  void test('that cannot be evaluated leaves the object as it is where failures are ignored', async () => {
    const policies = await startPolicies();
    const apply = ['Object{spec: Object.spec{replicas: object.absent}}', 'Object{spec: Object.spec{replicas: 3}}'];
    await policies.mutating('p', { on, failurePolicy: 'Ignore', apply });
    await policies.bindMutating('p');
    assert.deepEqual(at(await created(policies), 'spec.replicas'), 3);
  });

  void test('takes parameters, one round for each object that its binding names', async () => {
    const policies = await startPolicies();
    await policies.mutating('p', {
      on,
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      apply: ["Object{spec: Object.spec{replicas: object.spec.replicas + int(params.data['more'])}}"],
    });
    for (const [name, more] of [
      ['a', '10'],
      ['b', '200'],
    ]) {
      await policies.cluster.create('configmaps', { metadata: { name, labels: { is: 'param' } }, data: { more } });
    }
    const selector = { matchLabels: { is: 'param' } };
    await policies.bindMutating('p', { paramRef: { selector, parameterNotFoundAction: 'Deny' } });
    assert.deepEqual(at(await created(policies), 'spec.replicas'), 211);
  });

  void test('sees what policies before it made, in the order of their names', async () => {
    const policies = await startPolicies();
    await policies.mutating('b', {
      on,
      matchConditions: [
        { name: 'production', expression: `object.?metadata.labels["env"].orValue("") == "production"` },
      ],
      apply: ['Object{metadata: Object.metadata{labels: {"seen": "yes"}}}'],
    });
    await policies.mutating('a', { on, apply: ['Object{metadata: Object.metadata{labels: {"env": "production"}}}'] });
    await policies.bindMutating('b');
    await policies.bindMutating('a');
    assert.deepEqual(at(await created(policies), 'metadata.labels'), { env: 'production', seen: 'yes' });
  });

  const appended = (name: string): string =>
    `Object{metadata: Object.metadata{labels: {"order": object.?metadata.labels["order"].orValue("") + "${name}"}}}`;

  void test('is asked again after others changed the object, where it wants to be, and not for its own change', async () => {
    const policies = await startPolicies();
    await policies.mutating('a', { on, reinvocationPolicy: 'IfNeeded', apply: [appended('a')] });
    await policies.bindMutating('a');
    assert.deepEqual(at(await created(policies), 'metadata.labels'), { order: 'a' });
    await policies.mutating('b', { on, reinvocationPolicy: 'Never', apply: [appended('b')] });
    await policies.bindMutating('b');
    assert.deepEqual(at(await created(policies), 'metadata.labels'), { order: 'aba' });
  });

  void test('does not change what is deleted', async () => {
    const policies = await startPolicies();
    await policies.mutating('p', { on, operations: ['*'], apply: ['Object{spec: Object.spec{replicas: 3}}'] });
    await policies.bindMutating('p');
    await policies.cluster.create('deployments.apps', deployment());
    await policies.cluster.delete('deployments.apps', 'web', { propagationPolicy: 'Background' });
  });

  void test('changes what an update writes, and what it changes is nobody’s', async () => {
    const policies = await startPolicies();
    await policies.cluster.create('deployments.apps', deployment());
    await policies.mutating('p', { on, operations: ['UPDATE'], apply: ['Object{spec: Object.spec{replicas: 3}}'] });
    await policies.bindMutating('p');
    const patch = { metadata: { labels: { a: 'b' } } };
    const options = { fieldManager: 'tester', type: 'merge' } as const;
    const patched = await policies.cluster.patch('deployments.apps', 'web', patch, options);
    assert.deepEqual(at(patched, 'spec.replicas'), 3);
    const entries = at(patched, 'metadata.managedFields') as { readonly manager: string }[];
    const owned = JSON.stringify(entries.find(({ manager }) => manager === 'tester'));
    assert.match(owned, /f:labels/);
    assert.doesNotMatch(owned, /f:replicas/);
  });

  void test('goes by a scale as its own kind', async () => {
    const policies = await startPolicies();
    await policies.cluster.create('deployments.apps', deployment());
    await policies.mutating('p', {
      on: 'apps/v1 deployments/scale',
      operations: ['UPDATE'],
      apply: ['Object{spec: Object.spec{replicas: object.spec.replicas + 1}}'],
    });
    await policies.bindMutating('p');
    const scale = { metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 5 } };
    await policies.cluster.update('deployments.apps', scale, { subresource: 'scale' });
    assert.deepEqual(at(await policies.cluster.get('deployments.apps', 'web'), 'spec.replicas'), 6);
  });

  void test('refuses with the message of the first that failed, and all of them as causes', async () => {
    const policies = await startPolicies();
    for (const name of ['a', 'b']) {
      await policies.mutating(name, { on, apply: ['Object{spec: Object.spec{replicas: object.absent}}'] });
      await policies.bindMutating(name);
    }
    const error = await rejection(created(policies), 'Invalid');
    const why =
      "expression 'Object{spec: Object.spec{replicas: object.absent}}' resulted in error: no such key: absent";
    const texts = ['a', 'b'].map((name) => `policy '${name}' with binding '${name}-binding' denied request: ${why}`);
    assert.equal(error.message, texts[0]);
    assert.equal(error.code, 403);
    assert.deepEqual(
      error.details?.causes,
      texts.map((message) => ({ message })),
    );
  });
});
