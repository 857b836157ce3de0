import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../api/object.ts';
import type { CustomResourceSubresources } from '../../api/schema/types/apiextensions-v1.ts';
import { Coercion } from '../../api/structural/coerce.ts';
import { structuralOf } from '../../api/structural/structural-of.ts';
import {
  anyObject,
  embedded,
  integer,
  keyed,
  listOf,
  mapOf,
  type Schema,
  struct,
  text,
} from '../../api/structural/testing.ts';
import { limits } from '../../lib/limits.ts';
import { type CustomRegistry, makeDefinition, makeWidget, startCustomRegistry } from '../custom/testing.ts';
import { rejection } from '../testing.ts';

const widgets = 'widgets.example.com';

/** Widgets with this in `spec` (and `status`), in a registry of their own. */
async function serving(
  schema: Schema,
  work: (registry: CustomRegistry) => Promise<void>,
  subresources?: CustomResourceSubresources,
): Promise<void> {
  const registry = await startCustomRegistry();
  const openAPIV3Schema = struct({ spec: schema, status: schema });
  await registry.define(
    makeDefinition({ versions: [{ schema: { openAPIV3Schema }, ...(subresources && { subresources }) }] }),
  );
  await work(registry);
  await registry.close();
}

type Causes = readonly { readonly field: string; readonly message: string }[];

/** What is refused, as `field: message`. */
async function refused(write: Promise<unknown>): Promise<string[]> {
  const { details } = await rejection(write, 'Invalid');
  return ((details?.causes ?? []) as Causes).map(({ field, message }) => `${field}: ${message}`);
}

const specOf = (object: unknown): JsonValue => (object as { readonly spec: JsonValue }).spec;

type Row = readonly [schema: Schema, spec: JsonValue, ...causes: string[]];

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } };
const anyPod = embedded({}, { 'x-kubernetes-preserve-unknown-fields': true });

const rows: Readonly<Record<string, Row>> = {
  'a value of another type': [
    struct({ size: integer }),
    { size: 'x' },
    'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
  ],
  'a set with an item twice, told once': [
    struct({ l: listOf(text, { 'x-kubernetes-list-type': 'set' }) }),
    { l: ['x', 'y', 'x', 'x'] },
    'spec.l[2]: Duplicate value: "x"',
  ],
  'a set of objects knows them by their fields': [
    struct({ l: listOf({ ...mapOf(text), 'x-kubernetes-map-type': 'atomic' }, { 'x-kubernetes-list-type': 'set' }) }),
    {
      l: [
        { a: '1', b: '2' },
        { b: '2', a: '1' },
      ],
    },
    'spec.l[1]: Duplicate value: {"a":"1","b":"2"}',
  ],
  'a map with a key twice': [
    struct({ l: keyed(['k'], struct({ k: text, v: text }, { required: ['k'] })) }),
    { l: [{ k: 'a' }, { k: 'b' }, { k: 'a', v: 'x' }] },
    'spec.l[2]: Duplicate value: {"k":"a"}',
  ],
  'a map with several keys': [
    struct({ l: keyed(['p', 'k'], struct({ k: text, p: { ...integer, default: 1 } }, { required: ['k'] })) }),
    { l: [{ k: 'a' }, { k: 'a', p: 2 }, { k: 'a', p: 1 }] },
    'spec.l[2]: Duplicate value: {"k":"a","p":1}',
  ],
  'sets in maps are told by their key': [
    mapOf(listOf(text, { 'x-kubernetes-list-type': 'set' })),
    { m: ['x', 'x'] },
    'spec[m][1]: Duplicate value: "x"',
  ],
  'an object inside that is of no kind': [
    struct({ pod: anyPod }),
    { pod: { metadata: { name: 'x' } } },
    'spec.pod.apiVersion: Required value',
    'spec.pod.kind: Required value',
  ],
  'an object inside of an odd kind': [
    struct({ pod: anyPod }),
    { pod: { apiVersion: 'a/b/c', kind: 'My_Pod' } },
    'spec.pod.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
    'spec.pod.kind: Invalid value: "My_Pod": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case ' +
      "alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or " +
      "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  ],
  'an object inside with an empty kind': [
    struct({ pods: listOf(anyPod) }),
    { pods: [{ apiVersion: '', kind: 'Pod' }] },
    'spec.pods[0].apiVersion: Invalid value: "": must not be empty',
  ],
  'an object inside with odd metadata': [
    struct({ pods: mapOf(anyPod) }),
    { pods: { one: { ...pod, metadata: { name: 'a/b', namespace: 'N' } } } },
    `spec.pods[one].metadata.name: Invalid value: "a/b": may not contain '/'`,
    'spec.pods[one].metadata.namespace: Invalid value: "N": a lowercase RFC 1123 label must consist of lower case alphanumeric characters ' +
      "or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is " +
      "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
};

for (const [name, [schema, spec, ...causes]] of Object.entries(rows)) {
  test(`refused: ${name}`, async () => {
    await serving(schema, async (registry) => {
      deepEqual(await refused(registry.create(widgets, makeWidget('one', { spec }))), causes);
    });
  });
}

test('what a write makes of an object: fields go, defaults come, in create, update, patch and apply alike', async () => {
  const schema = struct({ a: text, d: { ...text, default: 'd' }, deep: struct({ n: { ...integer, default: 1 } }) });
  await serving(schema, async (registry) => {
    const made = await registry.create(widgets, makeWidget('one', { spec: { a: 'x', odd: 1, deep: {} } }));
    deepEqual(specOf(made), { a: 'x', d: 'd', deep: { n: 1 } });
    const updated = await registry.update(widgets, { ...(made as object), spec: { a: 'y', odd: 1, d: null } });
    deepEqual(specOf(updated), { a: 'y', d: 'd' });
    const patched = await registry.patch(widgets, 'one', { spec: { deep: { odd: 1 } } }, { type: 'merge' });
    deepEqual(specOf(patched), { a: 'y', d: 'd', deep: { n: 1 } });
  });
});

test('an update is not held to what was wrong before', async () => {
  const before = struct({ list: listOf(text), name: text, other: text });
  const after = struct({ list: listOf({ ...text, maxLength: 1 }), name: { ...text, maxLength: 1 }, other: text });
  await serving(before, async (registry) => {
    await registry.create(widgets, makeWidget('one', { spec: { list: ['xx'], name: 'xx' } }));
    await registry.patch(
      'customresourcedefinitions.apiextensions.k8s.io',
      widgets,
      {
        spec: {
          versions: makeDefinition({ versions: [{ schema: { openAPIV3Schema: struct({ spec: after }) } }] }).spec
            .versions,
        },
      },
      { type: 'merge' },
    );
    await registry.settle();
    const change = (spec: object): Promise<unknown> => registry.patch(widgets, 'one', { spec }, { type: 'merge' });
    deepEqual(specOf(await change({ other: 'y' })), { list: ['xx'], name: 'xx', other: 'y' });
    deepEqual(await refused(change({ name: 'yy' })), ['spec.name: Too long: may not be more than 1 byte']);
    deepEqual(await refused(change({ list: ['xx', 'y'] })), ['spec.list[0]: Too long: may not be more than 1 byte']);
  });
});

test('a set that held an item twice already may go on so', async () => {
  await serving(struct({ l: listOf(text), a: text }), async (registry) => {
    await registry.create(widgets, makeWidget('one', { spec: { l: ['x', 'x'] } }));
    const spec = struct({ l: listOf(text, { 'x-kubernetes-list-type': 'set' }), a: text });
    await registry.patch(
      'customresourcedefinitions.apiextensions.k8s.io',
      widgets,
      {
        spec: {
          versions: makeDefinition({ versions: [{ schema: { openAPIV3Schema: struct({ spec }) } }] }).spec.versions,
        },
      },
      { type: 'merge' },
    );
    await registry.settle();
    const change = (fields: object): Promise<unknown> =>
      registry.patch(widgets, 'one', { spec: fields }, { type: 'merge' });
    deepEqual(specOf(await change({ l: ['x', 'x', 'y', 'y'] })), { l: ['x', 'x', 'y', 'y'] });
    deepEqual(specOf(await change({ l: ['x'] })), { l: ['x'] });
    deepEqual(await refused(change({ l: ['x', 'x'] })), ['spec.l[1]: Duplicate value: "x"']);
  });
});

const both = {
  status: {},
  scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', labelSelectorPath: '.status.s' },
};

test('a status is checked by its own schema, and worded so', async () => {
  const work = async (registry: CustomRegistry): Promise<void> => {
    await registry.create(widgets, makeWidget('one', { spec: {} }));
    const write = registry.patch(widgets, 'one', { status: { s: 1 } }, { type: 'merge', subresource: 'status' });
    deepEqual(
      (await refused(write))[0],
      'status.s: Invalid value: "integer": s in body must be of type string: "integer"',
    );
  };
  await serving(struct({ n: integer, s: text }), work, both);
});

test('what scale reads has to be counts and a selector', async () => {
  const work = async (registry: CustomRegistry): Promise<void> => {
    const create = (spec: object): Promise<string[]> => refused(registry.create(widgets, makeWidget('one', { spec })));
    deepEqual(await create({ n: -1 }), ['.spec.n: Invalid value: -1: should be a non-negative integer']);
    deepEqual(await create({ n: 2 ** 31 }), [
      '.spec.n: Invalid value: 2147483648: should be less than or equal to 2147483647',
    ]);
    deepEqual(await create({ n: 'x' }), [
      '.spec.n: Invalid value: 0: .spec.n accessor error: x is of the type string, expected int64',
    ]);
  };
  await serving(anyObject, work, both);
});

test('unknown fields are refused where the client wishes so, in upstream’s order', async () => {
  await serving(struct({ a: text }), async (registry) => {
    const sent = makeWidget('one', { spec: { a: 'x', odd: 1 }, extra: {} });
    const options = { fieldValidation: 'Strict' } as const;
    const { message } = await rejection(registry.create(widgets, sent, options), 'BadRequest');
    equal(
      message,
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "extra", unknown field "spec.odd"',
    );
  });
});

test('a document that does not say its kind is refused', async () => {
  await serving(struct({}), async (registry) => {
    const { message } = await rejection(registry.create(widgets, { metadata: { name: 'x' } }), 'BadRequest');
    const shown = '{"metadata":{"name":"x"}}';
    equal(
      message,
      `the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '${shown}' (${shown})`,
    );
  });
});

test('metadata of another form is refused in the words of Go', async () => {
  await serving(struct({}), async (registry) => {
    const write = registry.create(widgets, makeWidget('one', { metadata: { labels: 'x' } }));
    const { message } = await rejection(write, 'BadRequest');
    equal(
      message,
      'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal string into Go struct field ObjectMeta.labels of type map[string]string',
    );
  });
});

test('a schema that nests without end is refused, and so is a value', async () => {
  let schema: Schema = text;
  let value: JsonValue = 'x';
  for (let depth = 0; depth < 20_000; depth++) {
    schema = struct({ a: schema });
    value = { a: value };
  }
  await serving(anyObject, async (registry) => {
    const deep = makeDefinition({ plural: 'deeps', versions: [{ schema: { openAPIV3Schema: schema } }] });
    await rejection(registry.create('customresourcedefinitions.apiextensions.k8s.io', deep), 'BadRequest');
    await rejection(registry.create(widgets, makeWidget('one', { spec: value })), 'BadRequest');
  });
});

test('a pattern that never ends in other languages holds nobody up', async () => {
  await serving(struct({ a: { ...text, pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' } }), async (registry) => {
    const spec = { a: 'a'.repeat(100_000) };
    const [cause = ''] = await refused(registry.create(widgets, makeWidget('one', { spec })));
    equal(cause.endsWith(`: spec.a in body should match '^(([a-z])+.)+[A-Z]([a-z])+$'`), true);
  });
});

test('an apply merges by the schema, and is held to it', async () => {
  const schema = struct({
    l: keyed(['k'], struct({ k: text, v: { ...text, default: 'd' } }, { required: ['k'] })),
    n: integer,
  });
  await serving(schema, async (registry) => {
    const apply = (fieldManager: string, spec: object): Promise<unknown> =>
      registry.patch(widgets, 'one', makeWidget('one', { spec }), { type: 'apply', fieldManager });
    deepEqual(specOf(await apply('a', { l: [{ k: '1' }] })), { l: [{ k: '1', v: 'd' }] });
    deepEqual(specOf(await apply('b', { l: [{ k: '2', v: 'x' }] })), {
      l: [
        { k: '1', v: 'd' },
        { k: '2', v: 'x' },
      ],
    });
    deepEqual(specOf(await apply('a', {})), { l: [{ k: '2', v: 'x' }] });
    const told = async (spec: object): Promise<string> =>
      String(await apply('a', spec).catch((error: Error) => error.message));
    const subject = 'failed to create typed patch object (/one; example.com/v1, Kind=Widget)';
    equal(await told({ odd: 1 }), `${subject}: .spec.odd: field not declared in schema`);
    equal(await told({ n: 'x' }), `${subject}: .spec.n: expected numeric (int or float), got string`);
  });
});

test('a strategic merge is none for custom resources', async () => {
  await serving(anyObject, async (registry) => {
    await registry.create(widgets, makeWidget('one'));
    await rejection(registry.patch(widgets, 'one', { spec: {} }, { type: 'strategic' }), 'UnsupportedMediaType');
  });
});

test('a JSON patch that breaks the form is refused as any write', async () => {
  await serving(struct({ n: integer }), async (registry) => {
    await registry.create(widgets, makeWidget('one', { spec: { n: 1 } }));
    const write = registry.patch(widgets, 'one', [{ op: 'replace', path: '/spec/n', value: 'x' }], { type: 'json' });
    deepEqual(await refused(write), [
      'spec.n: Invalid value: "string": spec.n in body must be of type integer: "string"',
    ]);
  });
});

test('a zero has no sign', async () => {
  await serving(struct({ n: integer }), async (registry) => {
    const made = await registry.create(widgets, makeWidget('one', { spec: { n: -0 } }));
    equal(JSON.stringify(specOf(made)), '{"n":0}');
  });
});

test('a long key, with many errors below it, is shown in part and holds nobody up', async () => {
  const key = 'k'.repeat(100_000);
  const paths: Readonly<Record<string, JsonValue>> = {
    'spec.errors.': Array.from({ length: 5_000 }, (_, index) => index),
    'spec.sets[': Array.from({ length: 5_000 }, (_, index) => String(index >> 1)),
  };
  const set = listOf(text, { 'x-kubernetes-list-type': 'set' });
  await serving(struct({ errors: mapOf(listOf(text)), sets: mapOf(set) }), async (registry) => {
    for (const [path, list] of Object.entries(paths)) {
      const field = path.split(/[.[]/)[1] as string;
      const causes = await refused(registry.create(widgets, makeWidget('one', { spec: { [field]: { [key]: list } } })));
      equal(causes.length, limits.fieldErrorsMax);
      for (const cause of causes) ok(cause.startsWith(path + 'k'.repeat(1_000)) && cause.length < 3_000);
    }
  });
});

test('fields that nobody knows, below a long key, are told with a part of it', async () => {
  const decoded = new Coercion({ readMetadata: () => ({ metadata: {}, unknownFields: [] }) });
  const schema = structuralOf(struct({ m: mapOf(listOf(struct({}))) }));
  decoded.value(schema, { m: { ['k'.repeat(100_000)]: Array.from({ length: 200 }, () => ({ odd: 1 })) } });
  ok(decoded.unknownFields.join('').length < 200_000);
});

test('a short list of items with long defaults is refused, and not written out', async () => {
  const items = struct({ a: { ...text, default: 'x'.repeat(10_000) } });
  await serving(struct({ l: listOf(items) }), async (registry) => {
    const create = (length: number): Promise<unknown> =>
      registry.create(widgets, makeWidget('one', { spec: { l: Array.from({ length }, () => ({})) } }));
    await rejection(create(50_000), 'RequestEntityTooLarge');
    await create(100);
  });
});
