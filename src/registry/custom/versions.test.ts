import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../api/object.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { type OutsideCaller, OutsideFault, type OutsideTarget } from '../outside.ts';
import { rejection } from '../testing.ts';
import { type CustomRegistry, definitions, makeDefinition, makeWidget, startCustomRegistry } from './testing.ts';

interface Widget {
  readonly apiVersion: string;
  readonly metadata: ObjectMeta;
  readonly spec: { readonly hostPort?: string; readonly host?: string; readonly port?: string; readonly size?: number };
}

interface Review {
  readonly apiVersion: string;
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly Widget[] };
}

/** v1 has `hostPort`, v2 `host` and `port`: upstream's example. */
function convert(widget: Widget, apiVersion: string): object {
  const { hostPort, host, port } = widget.spec;
  const [first, second] = (hostPort ?? ':').split(':');
  const spec = apiVersion.endsWith('v1') ? { hostPort: `${host}:${port}` } : { host: first, port: second };
  return { ...widget, apiVersion, spec };
}

/** Answers as a webhook does. `answer` may make something else of what it would say. */
class Webhook implements OutsideCaller {
  readonly reviews: Review[] = [];
  readonly targets: OutsideTarget[] = [];
  answer: (response: JsonObject, review: Review) => JsonObject | Promise<JsonObject> = (response) => response;

  async post(target: OutsideTarget, body: JsonObject): Promise<JsonObject> {
    const review = body as unknown as Review;
    this.reviews.push(review);
    this.targets.push(target);
    const { uid, desiredAPIVersion, objects } = review.request;
    const convertedObjects = objects.map((object) => convert(object, desiredAPIVersion));
    const response = { uid, convertedObjects, result: { status: 'Success' } };
    return this.answer({ ...body, response } as unknown as JsonObject, review);
  }

  get counts(): number[] {
    return this.reviews.map(({ request }) => request.objects.length);
  }
}

const conversion = {
  strategy: 'Webhook',
  webhook: {
    clientConfig: { service: { namespace: 'default', name: 'converter', path: '/convert' } },
    conversionReviewVersions: ['v2', 'v1', 'v1beta1'],
  },
};

async function startConverting(): Promise<{ readonly registry: CustomRegistry; readonly webhook: Webhook }> {
  const webhook = new Webhook();
  const registry = await startCustomRegistry(webhook);
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }], conversion }));
  return { registry, webhook };
}

const first = 'widgets.v1.example.com';
const second = 'widgets.v2.example.com';
const v1 = (name: string, hostPort: string) => makeWidget(name, { spec: { hostPort } });
const v2 = (name: string, host: string, port: string) =>
  makeWidget(name, { apiVersion: 'example.com/v2', spec: { host, port } });

const specs = async (registry: CustomRegistry, resource: string): Promise<unknown[]> =>
  (await registry.list(resource)).objects.map((object) => (object as unknown as Widget).spec);

test('versions that have the same fields differ in their name alone', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }] }));
  await registry.create(first, makeWidget('one', { spec: { size: 1 } }));
  const found = (await registry.get(second, 'one')) as never as Widget;
  assert.deepEqual([found.apiVersion, found.spec], ['example.com/v2', { size: 1 }]);
  await registry.create(second, { ...makeWidget('two'), apiVersion: 'example.com/v2' });
  const stored = registry.store.get({ collection: 'widgets.example.com', namespace: 'default', name: 'two' });
  assert.equal(stored?.object.apiVersion, 'example.com/v1');
  assert.deepEqual(await registry.names(first), ['one', 'two']);
  await registry.patch(second, 'one', { spec: { size: 2 } }, { type: 'merge' });
  assert.deepEqual(((await registry.get(first, 'one')) as never as Widget).spec, { size: 2 });
  await registry.close();
});

test('the stored version is sent as it lies there, bytes and all', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }] }));
  await registry.create(first, makeWidget('one'));
  assert.equal((await registry.list(first)).areEntriesShown, true);
  assert.equal((await registry.list(second)).areEntriesShown, false);
  await registry.close();
});

test('another storage version: what is stored is read in any, and moved on by the next write', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }] }));
  await registry.create(first, makeWidget('one', { spec: { size: 1 } }));
  const versions = [{ storage: false }, { name: 'v2', storage: true }];
  const { spec } = makeDefinition({ versions });
  await registry.patch(definitions, 'widgets.example.com', { spec }, { type: 'merge' });
  await registry.settle();
  const { status } = (await registry.get(definitions, 'widgets.example.com')) as never as { readonly status: object };
  assert.deepEqual((status as { readonly storedVersions: unknown }).storedVersions, ['v1', 'v2']);
  const stored = () => registry.store.get({ collection: 'widgets.example.com', namespace: 'default', name: 'one' });
  assert.equal(stored()?.object.apiVersion, 'example.com/v1');
  const current = (await registry.get(second, 'one')) as never as Widget;
  assert.equal(current.apiVersion, 'example.com/v2');
  await registry.update(second, current);
  assert.equal(stored()?.object.apiVersion, 'example.com/v2', 'an update that changes nothing moves it');
  const revision = stored()?.revision;
  await registry.update(second, await registry.get(second, 'one'));
  assert.equal(stored()?.revision, revision, 'and the next one writes nothing');
  const through = { type: 'merge', subresource: 'status' } as const;
  await registry.patch(definitions, 'widgets.example.com', { status: { storedVersions: ['v2'] } }, through);
  const only = makeDefinition({ versions: [{ name: 'v2' }] });
  await registry.patch(definitions, 'widgets.example.com', { spec: only.spec }, { type: 'merge' });
  await registry.settle();
  assert.deepEqual(await specs(registry, second), [{ size: 1 }]);
  await registry.close();
});

test('a version that objects may be stored in cannot be taken away', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }] }));
  const versions = [{ storage: false }, { name: 'v2', storage: true }];
  await registry.patch(
    definitions,
    'widgets.example.com',
    { spec: makeDefinition({ versions }).spec },
    { type: 'merge' },
  );
  const only = { spec: makeDefinition({ versions: [{ name: 'v2' }] }).spec };
  const refused = await rejection(
    registry.patch(definitions, 'widgets.example.com', only, { type: 'merge' }),
    'Invalid',
  );
  assert.match(refused.message, /status.storedVersions\[0\]: Invalid value: "v1": missing from spec.versions/);
  await registry.close();
});

test('the version that is stored need not be served', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{ served: false }, { name: 'v2', storage: false }] }));
  await registry.create('widgets.example.com', { ...makeWidget('one'), apiVersion: 'example.com/v2' });
  const stored = registry.store.get({ collection: 'widgets.example.com', namespace: 'default', name: 'one' });
  assert.equal(stored?.object.apiVersion, 'example.com/v1');
  assert.equal(((await registry.get('widgets.example.com', 'one')) as never as Widget).apiVersion, 'example.com/v2');
  await registry.close();
});

test('a webhook converts what is written and read in another version than the stored one', async () => {
  const { registry, webhook } = await startConverting();
  await registry.create(first, v1('one', 'a:80'));
  assert.deepEqual(await specs(registry, first), [{ hostPort: 'a:80' }]);
  assert.deepEqual(webhook.reviews, [], 'nobody is asked about the stored version');
  const made = (await registry.create(second, v2('two', 'b', '81'))) as never as Widget;
  assert.deepEqual(made.spec, { host: 'b', port: '81' });
  assert.deepEqual(((await registry.get(first, 'two')) as never as Widget).spec, { hostPort: 'b:81' });
  assert.deepEqual(((await registry.get(second, 'one')) as never as Widget).spec, { host: 'a', port: '80' });
  const review = webhook.reviews[0] as Review | undefined;
  assert.equal(review?.apiVersion, 'apiextensions.k8s.io/v1');
  assert.equal(review?.request.desiredAPIVersion, 'example.com/v1');
  assert.deepEqual(webhook.targets[0], {
    service: { namespace: 'default', name: 'converter', path: '/convert', port: 443 },
  });
  await registry.close();
});

test('a list asks once for all, and for those in the wanted version not at all', async () => {
  const { registry, webhook } = await startConverting();
  for (const name of ['a', 'b', 'c']) await registry.create(first, v1(name, `${name}:1`));
  const versions = [{ storage: false }, { name: 'v2', storage: true }];
  const { spec } = makeDefinition({ versions, conversion });
  await registry.patch(definitions, 'widgets.example.com', { spec }, { type: 'merge' });
  await registry.create(second, v2('d', 'd', '1'));
  webhook.reviews.length = 0;
  assert.deepEqual(
    await specs(registry, second),
    ['a', 'b', 'c', 'd'].map((host) => ({ host, port: '1' })),
  );
  assert.deepEqual(webhook.counts, [3]);
  assert.deepEqual(
    await specs(registry, first),
    ['a', 'b', 'c', 'd'].map((host) => ({ hostPort: `${host}:1` })),
  );
  assert.deepEqual(webhook.counts, [3, 1]);
  await specs(registry, second);
  assert.deepEqual(webhook.counts, [3, 1], 'what was converted is kept');
  await registry.close();
});

test('patches and applied configurations work in the version in which they came', async () => {
  const { registry } = await startConverting();
  await registry.create(first, v1('one', 'a:80'), { fieldManager: 'first' });
  await registry.patch(second, 'one', { spec: { port: '81' } }, { type: 'merge', fieldManager: 'second' });
  assert.deepEqual(((await registry.get(first, 'one')) as never as Widget).spec, { hostPort: 'a:81' });
  const apply = { type: 'apply', fieldManager: 'third', force: true } as const;
  const applied = (await registry.patch(second, 'one', v2('one', 'b', '81'), apply)) as never as Widget;
  assert.deepEqual(applied.spec, { host: 'b', port: '81' });
  const owners = (applied.metadata.managedFields ?? []).map(({ manager, apiVersion, fieldsV1 }) => [
    manager,
    apiVersion,
    JSON.stringify(fieldsV1),
  ]);
  assert.deepEqual(owners, [
    ['third', 'example.com/v2', '{"f:spec":{"f:host":{},"f:port":{}}}'],
    // What it owned besides, it lost: the port and the host are one field in its version, which has changed.
    ['first', 'example.com/v1', '{"f:spec":{}}'],
    ['second', 'example.com/v2', '{"f:spec":{"f:port":{}}}'],
  ]);
  await registry.close();
});

test('a watch tells changes in their order, each in its version', async () => {
  const { registry, webhook } = await startConverting();
  await registry.create(first, v1('one', 'a:1'));
  const release: (() => void)[] = [];
  webhook.answer = async (response) => {
    await new Promise<void>((resolve) => void release.push(resolve));
    return response;
  };
  const watch = await registry.watch(second, {
    allowWatchBookmarks: true,
    sendInitialEvents: true,
    resourceVersion: '0',
  });
  await registry.patch(first, 'one', { spec: { hostPort: 'a:2' } }, { type: 'merge' });
  await registry.create(first, v1('two', 'b:1'));
  await registry.delete(first, 'one');
  assert.deepEqual(watch.summary, []);
  for (let turn = 0; turn < 10; turn++) {
    release.shift()?.();
    await registry.settle();
  }
  const told = watch.events.map(({ type, object }) => [type, (object as unknown as Widget).spec]);
  assert.deepEqual(told, [
    ['ADDED', { host: 'a', port: '1' }],
    ['BOOKMARK', undefined],
    ['MODIFIED', { host: 'a', port: '2' }],
    ['ADDED', { host: 'b', port: '1' }],
    ['DELETED', { host: 'a', port: '2' }],
  ]);
  await registry.close();
});

const kind = 'example.com/v1, Kind=Widget';
const faults: { readonly name: string; readonly answer: Webhook['answer']; readonly message: string }[] = [
  {
    name: 'that cannot be reached',
    answer: () => {
      throw new OutsideFault('Post "https://converter.default.svc:443/convert?timeout=30s": EOF');
    },
    message: `conversion webhook for ${kind} failed: Post "https://converter.default.svc:443/convert?timeout=30s": EOF`,
  },
  {
    name: 'that says no',
    answer: (all) => within(all, { result: { status: 'Failure', message: 'never' } }),
    message: `conversion webhook for ${kind} failed: never`,
  },
  {
    name: 'that says no without a word',
    answer: (all) => within(all, { result: {} }),
    message: `conversion webhook for ${kind} failed: response.result.status was '', not 'Success'`,
  },
  {
    name: 'that answers with another kind',
    answer: (all) => ({ ...all, kind: 'AdmissionReview' }),
    message: `conversion webhook for ${kind} failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=AdmissionReview`,
  },
  {
    name: 'that answers nothing',
    answer: ({ response: _response, ...all }) => all,
    message: `conversion webhook for ${kind} failed: no response provided`,
  },
  {
    name: 'that returns too few',
    answer: (all) => within(all, { convertedObjects: [] }),
    message: `conversion webhook for ${kind} returned 0 objects, expected 1`,
  },
  {
    name: 'that does not convert',
    answer: (all, { request }) => within(all, { convertedObjects: request.objects }),
    message: `conversion webhook for ${kind} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)`,
  },
  {
    name: 'that changes the name',
    answer: (all) => changing(all, (widget) => ({ ...widget, metadata: { ...widget.metadata, name: 'other' } })),
    message: `conversion webhook for ${kind} returned invalid object: must have the same name: one != other`,
  },
  {
    name: 'that loses the metadata',
    answer: (all) => changing(all, ({ metadata: _metadata, ...widget }) => widget),
    message: `conversion webhook for ${kind} returned invalid object: must have the same name: one != `,
  },
  {
    name: 'that writes labels that are none',
    answer: (all) => changing(all, (widget) => ({ ...widget, metadata: { ...widget.metadata, labels: { a: 1 } } })),
    message: `conversion webhook for ${kind} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`,
  },
];

const within = (all: JsonObject, fields: object): JsonObject => ({
  ...all,
  response: { ...(all['response'] as object), ...fields },
});

function changing(all: JsonObject, change: (widget: Widget) => object): JsonObject {
  const { convertedObjects } = all['response'] as unknown as { readonly convertedObjects: readonly Widget[] };
  return within(all, { convertedObjects: convertedObjects.map(change) });
}

for (const { name, answer, message } of faults) {
  test(`a webhook ${name} fails the request, in upstream’s words`, async () => {
    const { registry, webhook } = await startConverting();
    await registry.create(first, v1('one', 'a:80'));
    webhook.answer = answer;
    const refused = await rejection(registry.get(second, 'one'), 'InternalError');
    assert.equal(refused.message, message);
    assert.deepEqual(await specs(registry, first), [{ hostPort: 'a:80' }], 'the stored version is served all the same');
    webhook.answer = (response) => response;
    assert.deepEqual(await specs(registry, second), [{ host: 'a', port: '80' }], 'and nothing wrong is kept');
    await registry.close();
  });
}

test('a webhook may change labels and annotations, and no other metadata', async () => {
  const { registry, webhook } = await startConverting();
  await registry.create(first, v1('one', 'a:80'));
  const metadata = { labels: { converted: 'yes' }, finalizers: ['example.com/none'], generation: 7 };
  webhook.answer = (all) => changing(all, (widget) => ({ ...widget, metadata: { ...widget.metadata, ...metadata } }));
  const found = (await registry.get(second, 'one')) as never as Widget;
  assert.deepEqual(found.metadata.labels, { converted: 'yes' });
  assert.equal(found.metadata.finalizers, undefined);
  assert.equal(found.metadata.generation, 1);
  await registry.close();
});

test('of v1beta1 neither the kind nor the uid of an answer is looked at', async () => {
  const webhook = new Webhook();
  const registry = await startCustomRegistry(webhook);
  const beta = { ...conversion, webhook: { ...conversion.webhook, conversionReviewVersions: ['v1beta1'] } };
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }], conversion: beta }));
  await registry.create(first, v1('one', 'a:80'));
  webhook.answer = (all) => ({ ...within(all, { uid: 'other' }), kind: 'Other' });
  assert.deepEqual(((await registry.get(second, 'one')) as never as Widget).spec, { host: 'a', port: '80' });
  assert.equal(webhook.reviews[0]?.apiVersion, 'apiextensions.k8s.io/v1beta1');
  await registry.close();
});

test('a deprecated version says so, and which one to use instead', async () => {
  const registry = await startCustomRegistry();
  const versions = [
    { name: 'v1beta1', storage: false, deprecated: true },
    { name: 'v1alpha1', storage: false, deprecated: true, deprecationWarning: 'use something else' },
    {},
  ];
  await registry.define(makeDefinition({ versions }));
  const warning = (name: string) => registry.target(name).resource.definition?.deprecationWarning;
  assert.equal(
    warning('widgets.v1beta1.example.com'),
    'example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget',
  );
  assert.equal(warning('widgets.v1alpha1.example.com'), 'use something else');
  assert.equal(warning(first), undefined);
  await registry.close();
});

test('a definition goes although its webhook does not answer, as long as its stored version is served', async () => {
  const { registry, webhook } = await startConverting();
  await registry.create(first, v1('one', 'a:80'));
  webhook.answer = () => {
    throw new OutsideFault('EOF');
  };
  await registry.delete(definitions, 'widgets.example.com');
  await registry.settle();
  assert.equal(await registry.find(definitions, 'widgets.example.com'), undefined);
  await registry.close();
});

test('defaults are those of the version that is written, and then those of the version that is stored', async () => {
  const registry = await startCustomRegistry();
  const withDefault = (name: string) => {
    const own = { [name]: { type: 'string', default: 'yes' } };
    const any = Object.fromEntries(['v1', 'v2', 'v3'].map((each) => [each, { type: 'string' }]));
    const properties = { spec: { type: 'object', default: {}, properties: { ...any, ...own } } };
    return { name, storage: name === 'v1', schema: { openAPIV3Schema: { type: 'object', properties } } };
  };
  await registry.define(makeDefinition({ versions: ['v1', 'v2', 'v3'].map(withDefault) }));
  const made = (await registry.create(second, {
    ...makeWidget('one'),
    apiVersion: 'example.com/v2',
  })) as never as Widget;
  assert.deepEqual(made.spec, { v1: 'yes', v2: 'yes' });
  assert.deepEqual(await specs(registry, first), [{ v1: 'yes', v2: 'yes' }]);
  const third = (await registry.get('widgets.v3.example.com', 'one')) as never as Widget;
  assert.deepEqual(third.spec, { v1: 'yes', v2: 'yes' });
  await registry.close();
});
