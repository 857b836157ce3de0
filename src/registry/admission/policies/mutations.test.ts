/** What single mutations make of an object, row by row as upstream tests its applied configurations and JSON patches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StatusReason } from '../../../api/status-error.ts';
import { make, rejection } from '../../testing.ts';
import { at, makeDeployment, deployments as on, startPolicies } from './testing.ts';

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
    object: makeDeployment({}, { volumes: [{ name: 'x', emptyDir: {} }] }),
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
    object: makeDeployment({}, { volumes: [{ name: 'x', emptyDir: {} }] }),
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
    object: makeDeployment({ paused: true }),
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
    object: makeDeployment(
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

void describe('a mutation', () => {
  for (const { name, object = makeDeployment(), gives = [], error, internal, ...fields } of rows) {
    void test(name, async () => {
      const policies = await startPolicies();
      await policies.mutating('p', { on, ...fields });
      await policies.bindMutating('p');
      if (internal !== undefined) {
        const failed = await rejection(
          policies.cluster.create('deployments.apps', object, { dryRun: true }),
          'InternalError',
        );
        assert.equal(failed.message, `Internal error occurred: ${internal}`);
      } else if (error === undefined) {
        const result = await policies.cluster.create('deployments.apps', object, { dryRun: true });
        for (const [path, value] of gives) assert.deepEqual(at(result, path), value, path);
      } else {
        const message = await policies.refused(policies.cluster.create('deployments.apps', object, { dryRun: true }));
        assert.ok(message.startsWith("policy 'p' with binding 'p-binding' denied request: "), message);
        assert.ok(message.endsWith(error), message);
      }
    });
  }
});

/** Patches of a ConfigMap that make it something else, and what comes of them on an update. */
const odd: readonly (readonly [patch: string, reason: StatusReason, why: RegExp])[] = [
  [
    'op: "replace", path: "/metadata/name", value: "other"',
    'Invalid',
    /metadata\.name: Invalid value: "other": field is immutable/,
  ],
  [
    'op: "replace", path: "/metadata/namespace", value: "other"',
    'BadRequest',
    /^the namespace of the provided object does not match/,
  ],
  ['op: "add", path: "/metadata/uid", value: "x"', 'Invalid', /metadata\.uid: Invalid value: "x": field is immutable/],
  ['op: "remove", path: "/metadata"', 'Invalid', /metadata\.name: Required value/],
  ['op: "replace", path: "/kind", value: "Secret"', 'InternalError', /unknown conversion$/],
  ['op: "replace", path: "/apiVersion", value: "v2"', 'InternalError', /the API version in the data \(v2\)/],
  ['op: "replace", path: "", value: {"a": "b"}', 'InternalError', /strict decoding error: unknown field "a"$/],
  ['op: "replace", path: "", value: "text"', 'Invalid', /JSON Patch: replace operation value must be object or array$/],
  [
    'op: "add", path: "/data", value: 1',
    'InternalError',
    /cannot unmarshal number into Go struct field ConfigMap\.data/,
  ],
  ['op: "frob", path: "/data", value: 1', 'Invalid', /JSON Patch: Unexpected kind: frob$/],
  ['op: "add", path: "/data", value: type(1)', 'Invalid', /could not marshal to JSON/],
  ['op: "add", path: "/metadata/generation", value: 9223372036854775807', 'InternalError', /cannot unmarshal string/],
];

void describe('a mutation that makes nonsense is refused, and changes nothing', () => {
  for (const [patch, reason, why] of odd) {
    void test(patch, async () => {
      const policies = await startPolicies();
      const { cluster } = policies;
      await cluster.create('configmaps', make.configMap({ data: { k: 'v' } }, 'old'));
      await policies.mutating('p', { json: [`[JSONPatch{${patch}}]`] });
      await policies.bindMutating('p');
      const refused = await rejection(cluster.patch('configmaps', 'old', { data: { more: 'y' } }), reason);
      assert.match(refused.message, why);
      assert.deepEqual(at(await cluster.get('configmaps', 'old'), 'data'), { k: 'v' });
    });
  }
});
