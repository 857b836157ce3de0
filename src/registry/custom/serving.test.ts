import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../api/object.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { rejection } from '../testing.ts';
import { definitions, makeDefinition, makeWidget, startCustomRegistry } from './testing.ts';

interface Widget {
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: unknown;
  readonly status: unknown;
}

test('a kind that a definition declares is created, read, listed, watched, changed, patched and deleted', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const watch = await registry.watch('widgets.example.com');
  const spec = { size: 3, parts: [{ name: 'a', empty: '' }], none: {} };
  const made = (await registry.create('widgets.example.com', makeWidget('one', { spec }))) as never as Widget;
  assert.deepEqual(made.spec, spec);
  assert.equal(made.metadata.generation, 1);
  assert.deepEqual((await registry.get('widgets.example.com', 'one')).spec, spec);
  await registry.patch('widgets.example.com', 'one', { spec: { size: 4 } }, { type: 'merge' });
  const current = (await registry.get('widgets.example.com', 'one')) as never as { readonly metadata: object };
  const changed = { ...current, spec: { size: 5 } };
  const result = (await registry.update('widgets.example.com', changed)) as never as Widget;
  assert.equal(result.metadata.generation, 3);
  assert.deepEqual(await registry.names('widgets.example.com'), ['one']);
  await registry.delete('widgets.example.com', 'one');
  await rejection(registry.get('widgets.example.com', 'one'), 'NotFound');
  assert.deepEqual(watch.summary, ['ADDED one', 'MODIFIED one', 'MODIFIED one', 'DELETED one']);
  await registry.close();
});

const withStatus = { subresources: { status: {} } };

test('without a status of its own, the status is part of the object, and its changes count', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const one = makeWidget('one', { spec: { size: 1 }, status: { ready: false } });
  const made = (await registry.create('widgets.example.com', one)) as never as Widget;
  assert.deepEqual(made.status, { ready: false });
  const changed = await registry.patch('widgets.example.com', 'one', { status: { ready: true } }, { type: 'merge' });
  assert.equal((changed as never as Widget).metadata.generation, 2);
  const labelled = { metadata: { labels: { a: 'b' } } };
  const same = await registry.patch('widgets.example.com', 'one', labelled, { type: 'merge' });
  assert.equal((same as never as Widget).metadata.generation, 2);
  await registry.close();
});

test('with a status of its own, each way changes its part alone', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [withStatus] }));
  const one = makeWidget('one', { spec: { size: 1 }, status: { ready: true } });
  const made = (await registry.create('widgets.example.com', one)) as never as Widget;
  assert.equal(made.status, undefined);
  const patch = { spec: { size: 2 }, status: { ready: true }, metadata: { labels: { a: 'b' } } };
  const through = { type: 'merge', subresource: 'status' } as const;
  const told = (await registry.patch('widgets.example.com', 'one', patch, through)) as never as Widget;
  assert.deepEqual([told.spec, told.status, told.metadata.labels], [{ size: 1 }, { ready: true }, undefined]);
  assert.equal(told.metadata.generation, 1);
  const changed = (await registry.patch('widgets.example.com', 'one', patch, { type: 'merge' })) as never as Widget;
  assert.deepEqual([changed.spec, changed.status], [{ size: 2 }, { ready: true }]);
  assert.equal(changed.metadata.generation, 2);
  await registry.close();
});

test('an update has to name the version that it replaces', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create('widgets.example.com', makeWidget('one'));
  const refused = await rejection(registry.update('widgets.example.com', makeWidget('one')), 'Invalid');
  assert.match(refused.message, /metadata.resourceVersion: Invalid value: 0: must be specified for an update/);
  await rejection(registry.update('widgets.example.com', makeWidget('none')), 'NotFound');
  await registry.close();
});

test('an applied configuration creates, and owns what it says', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const apply = { type: 'apply', fieldManager: 'me' } as const;
  await registry.patch('widgets.example.com', 'one', makeWidget('one', { spec: { size: 1, colour: 'red' } }), apply);
  const next = makeWidget('one', { spec: { size: 2 } });
  const applied = (await registry.patch('widgets.example.com', 'one', next, apply)) as never as Widget;
  assert.deepEqual(applied.spec, { size: 2 });
  const [entry] = applied.metadata.managedFields ?? [];
  assert.deepEqual(entry?.fieldsV1, { 'f:spec': { 'f:size': {} } });
  assert.equal(entry?.apiVersion, 'example.com/v1');
  const other = registry.patch('widgets.example.com', 'one', next, { type: 'apply', fieldManager: 'other' });
  await other;
  const conflicting = makeWidget('one', { spec: { size: 3 } });
  const refused = registry.patch('widgets.example.com', 'one', conflicting, { type: 'apply', fieldManager: 'other' });
  await rejection(refused, 'Conflict');
  const strategic = registry.patch('widgets.example.com', 'one', { spec: {} }, { type: 'strategic' });
  await rejection(strategic, 'UnsupportedMediaType');
  await registry.close();
});

test('finalizers hold an object, of any name, with a warning for odd ones', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const result = await registry.createResult(
    'widgets.example.com',
    makeWidget('one', { metadata: { finalizers: ['odd'] } }),
  );
  assert.equal(result.warnings.length, 1);
  await registry.delete('widgets.example.com', 'one');
  assert.ok(((await registry.get('widgets.example.com', 'one')) as never as Widget).metadata.deletionTimestamp);
  await registry.patch('widgets.example.com', 'one', { metadata: { finalizers: null } }, { type: 'merge' });
  assert.equal(await registry.find('widgets.example.com', 'one'), undefined);
  await registry.close();
});

test('collections are deleted by selector', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  for (const name of ['a', 'b', 'c']) {
    await registry.create(
      'widgets.example.com',
      makeWidget(name, { metadata: { labels: { keep: String(name === 'b') } } }),
    );
  }
  await registry.registry.deleteCollection(registry.target('widgets.example.com'), { labelSelector: 'keep=false' }, {});
  assert.deepEqual(await registry.names('widgets.example.com'), ['b']);
  await registry.close();
});

test('fields that the definition names can be selected by, and no others', async () => {
  const registry = await startCustomRegistry();
  const properties = { colour: { type: 'string' }, size: { type: 'integer' }, big: { type: 'boolean' } };
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
  const selectableFields = ['.spec.colour', '.spec.size', '.spec.big'].map((jsonPath) => ({ jsonPath }));
  await registry.define(makeDefinition({ versions: [{ schema: { openAPIV3Schema }, selectableFields }] }));
  const watch = await registry.watch('widgets.example.com', { fieldSelector: 'spec.colour=red' });
  await registry.create('widgets.example.com', makeWidget('a', { spec: { colour: 'red', size: 1, big: true } }));
  await registry.create('widgets.example.com', makeWidget('b', { spec: { colour: 'blue', size: 1 } }));
  await registry.create('widgets.example.com', makeWidget('c'));
  const select = (fieldSelector: string) => registry.names('widgets.example.com', { fieldSelector });
  assert.deepEqual(await select('spec.colour=red'), ['a']);
  assert.deepEqual(await select('spec.colour!=red'), ['b', 'c']);
  assert.deepEqual(await select('spec.size=1,spec.big=true'), ['a']);
  assert.deepEqual(await select('spec.colour='), ['c']);
  assert.deepEqual(await select('metadata.name=b'), ['b']);
  const refused = await rejection(select('spec.other=1'), 'BadRequest');
  assert.equal(refused.message, 'field label not supported: spec.other');
  await registry.patch('widgets.example.com', 'b', { spec: { colour: 'red' } }, { type: 'merge' });
  await registry.patch('widgets.example.com', 'a', { spec: { colour: 'blue' } }, { type: 'merge' });
  assert.deepEqual(watch.summary, ['ADDED a', 'ADDED b', 'DELETED a']);
  await registry.close();
});

const scale = {
  specReplicasPath: '.spec.workers.count',
  statusReplicasPath: '.status.workers',
  labelSelectorPath: '.status.selector',
};

test('the scale is read and written where the definition says', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{ subresources: { status: {}, scale } }] }));
  const spec = { workers: { count: 3, size: 'big' } };
  await registry.create('widgets.example.com', makeWidget('one', { spec }), { fieldManager: 'maker' });
  const status = { workers: 2, selector: 'app=one' };
  await registry.patch('widgets.example.com', 'one', { status }, { type: 'merge', subresource: 'status' });
  const read = async () =>
    (await registry.get('widgets.example.com', 'one', { subresource: 'scale' })) as never as Widget;
  const found = await read();
  assert.deepEqual(
    [found.kind, found.spec, found.status],
    ['Scale', { replicas: 3 }, { replicas: 2, selector: 'app=one' }],
  );
  const written = { ...found, spec: { replicas: 5 } };
  await registry.update('widgets.example.com', written, { subresource: 'scale', fieldManager: 'scaler' });
  const after = (await registry.get('widgets.example.com', 'one')) as never as Widget;
  assert.deepEqual(after.spec, { workers: { count: 5, size: 'big' } });
  assert.equal(after.metadata.generation, 2);
  const owners = (after.metadata.managedFields ?? []).map(({ manager, subresource = '', fieldsV1 }) => [
    manager,
    subresource,
    fieldsV1,
  ]);
  assert.deepEqual(
    owners.find(([manager]) => manager === 'scaler'),
    ['scaler', 'scale', { 'f:spec': { 'f:workers': { 'f:count': {} } } }],
  );
  await registry.patch(
    'widgets.example.com',
    'one',
    { spec: { replicas: 0 } },
    { type: 'merge', subresource: 'scale' },
  );
  assert.deepEqual((await read()).spec, {});
  await rejection(registry.update('widgets.example.com', written, { subresource: 'scale' }), 'Conflict');
  await registry.close();
});

test('a scale needs a number to show, and a patch of one without has to bring it', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{ subresources: { scale } }] }));
  await registry.create('widgets.example.com', makeWidget('one'));
  const get = registry.get('widgets.example.com', 'one', { subresource: 'scale' });
  const missing = await rejection(get, 'InternalError');
  assert.match(missing.message, /the spec replicas field ".spec.workers.count" does not exist$/);
  const through = { type: 'merge', subresource: 'scale' } as const;
  const empty = await rejection(registry.patch('widgets.example.com', 'one', { metadata: {} }, through), 'BadRequest');
  assert.equal(empty.message, 'the spec replicas field ".spec.workers.count" cannot be empty');
  const set = (await registry.patch(
    'widgets.example.com',
    'one',
    { spec: { replicas: 2 } },
    through,
  )) as never as Widget;
  assert.deepEqual(set.spec, { replicas: 2 });
  await registry.close();
});

test('a watch goes on over a change of the schema, and ends when its version is served no more', async () => {
  const registry = await startCustomRegistry();
  const versions = [{}, { name: 'v2', storage: false }];
  await registry.define(makeDefinition({ versions }));
  const watch = await registry.watch('widgets.v2.example.com');
  await registry.create('widgets.v2.example.com', { ...makeWidget('one'), apiVersion: 'example.com/v2' });
  const additionalPrinterColumns = [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }];
  const changed = makeDefinition({ versions: [{}, { name: 'v2', storage: false, additionalPrinterColumns }] });
  await registry.patch(definitions, 'widgets.example.com', { spec: changed.spec }, { type: 'merge' });
  await registry.create('widgets.v2.example.com', { ...makeWidget('two'), apiVersion: 'example.com/v2' });
  assert.deepEqual(watch.summary, ['ADDED one', 'ADDED two']);
  const unserved = makeDefinition({ versions: [{}, { name: 'v2', storage: false, served: false }] });
  await registry.patch(definitions, 'widgets.example.com', { spec: unserved.spec }, { type: 'merge' });
  await registry.settle();
  assert.equal(watch.ended, true);
  await registry.close();
});

test('there is no object in a namespace that is not there, nor outside of one', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const nowhere = registry.create('widgets.example.com', makeWidget('one'), { namespace: 'nowhere' });
  assert.equal((await rejection(nowhere, 'NotFound')).message, 'namespaces "nowhere" not found');
  await registry.define(makeDefinition({ plural: 'gadgets', kind: 'Gadget', scope: 'Cluster' }));
  const gadget = { ...makeWidget('one', { metadata: { namespace: 'default' } }), kind: 'Gadget' };
  const made = (await registry.create('gadgets.example.com', gadget)) as never as Widget;
  assert.equal(made.metadata.namespace, undefined);
  await registry.close();
});

test('a request whose kind vanished on its way is told so, and leaves nothing behind', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const target = registry.target('widgets.example.com');
  await registry.delete(definitions, 'widgets.example.com');
  await registry.settle();
  await rejection(registry.registry.create(target, makeWidget('late') as JsonObject, {}), 'NotFound');
  assert.deepEqual(registry.store.list('widgets.example.com').entries, []);
  await registry.close();
});

test('a dry run is converted, checked and shown, and nothing is written', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ versions: [{}, { name: 'v2', storage: false }] }));
  const one = { ...makeWidget('one', { spec: { size: 1 } }), apiVersion: 'example.com/v2' };
  const made = (await registry.create('widgets.v2.example.com', one, { dryRun: true })) as never as Widget;
  assert.deepEqual(made.spec, { size: 1 });
  assert.deepEqual(await registry.names('widgets.example.com'), []);
  await registry.close();
});
