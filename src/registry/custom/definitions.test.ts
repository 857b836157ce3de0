import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveApi } from '../../api/live-api.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { Registry } from '../registry.ts';
import { authorityPem, rejection } from '../testing.ts';
import { CustomKinds } from './custom-kinds.ts';
import { type CustomRegistry, definitions, makeDefinition, makeWidget, startCustomRegistry } from './testing.ts';

async function read(registry: CustomRegistry, name: string): Promise<CustomResourceDefinition> {
  return (await registry.get(definitions, name)) as never;
}

async function conditions(registry: CustomRegistry, name: string): Promise<Record<string, string>> {
  const { status } = await read(registry, name);
  return Object.fromEntries((status?.conditions ?? []).map((each) => [each.type, `${each.status} ${each.reason}`]));
}

test('a definition is established with its first status, and says so', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ names: { shortNames: ['wd'], categories: ['all'] } }));
  const { status } = await read(registry, 'widgets.example.com');
  const shown = status?.conditions?.map(({ type, status: is, reason, message }) => [type, is, reason, message]);
  assert.deepEqual(shown, [
    ['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'],
    ['Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'],
  ]);
  assert.deepEqual(status?.acceptedNames, {
    plural: 'widgets',
    singular: 'widget',
    shortNames: ['wd'],
    kind: 'Widget',
    listKind: 'WidgetList',
    categories: ['all'],
  });
  assert.deepEqual(status?.storedVersions, ['v1']);
  await registry.close();
});

const conflicts = [
  { names: { singular: 'widget' }, reason: 'SingularConflict', message: '"widget" is already in use' },
  { names: { shortNames: ['wd'] }, reason: 'ShortNamesConflict', message: '"wd" is already in use' },
  {
    names: { shortNames: ['wd', 'widgets'] },
    reason: 'ShortNamesConflict',
    message: '["wd" is already in use, "widgets" is already in use]',
  },
  { names: { kind: 'Widget' }, reason: 'KindConflict', message: '"Widget" is already in use' },
  { names: { listKind: 'WidgetList' }, reason: 'ListKindConflict', message: '"WidgetList" is already in use' },
  {
    names: { singular: 'widget', listKind: 'Widget' },
    reason: 'ListKindConflict',
    message: '"Widget" is already in use',
  },
];

for (const { names, reason, message } of conflicts) {
  test(`names that another definition of the group has are not accepted: ${JSON.stringify(names)}`, async () => {
    const registry = await startCustomRegistry();
    await registry.define(makeDefinition({ names: { shortNames: ['wd'] } }));
    await registry.create(definitions, makeDefinition({ plural: 'gadgets', kind: 'Gadget', names }));
    await registry.settle();
    const { status } = await read(registry, 'gadgets.example.com');
    const accepted = status?.conditions?.find(({ type }) => type === 'NamesAccepted');
    assert.deepEqual([accepted?.status, accepted?.reason, accepted?.message], ['False', reason, message]);
    assert.equal((await conditions(registry, 'gadgets.example.com'))['Established'], 'False NotAccepted');
    assert.equal(registry.serves('gadgets.example.com'), false);
    await registry.close();
  });
}

test('a name that comes free goes to the definition that waits for it', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create(
    definitions,
    makeDefinition({ plural: 'gadgets', kind: 'Widget', names: { singular: 'gadget' } }),
  );
  await registry.settle();
  assert.equal(registry.serves('gadgets.example.com'), false);
  await registry.delete(definitions, 'widgets.example.com');
  await registry.settle();
  assert.equal(registry.serves('gadgets.example.com'), true);
  await registry.close();
});

test('names of other groups are nobody’s business', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.define(makeDefinition({ group: 'other.example.com' }));
  await registry.close();
});

test('short names change while the kind is served, and what is taken is kept out', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ names: { shortNames: ['wd'] } }));
  await registry.patch(
    definitions,
    'widgets.example.com',
    { spec: { names: { shortNames: ['wg'] } } },
    { type: 'merge' },
  );
  await registry.settle();
  const { shortNames } = registry.target('widgets.example.com').resource;
  assert.deepEqual(shortNames, ['wg']);
  await registry.close();
});

test('a group of the community is told whether it was approved', async () => {
  const registry = await startCustomRegistry();
  const of = (plural: string, kind: string, approved: string) =>
    makeDefinition({
      plural,
      kind,
      group: 'new.k8s.io',
      metadata: { annotations: { 'api-approved.kubernetes.io': approved } },
    });
  await registry.define(of('as', 'A', 'https://github.com/kubernetes/kubernetes/pull/1'));
  await registry.define(of('bs', 'B', 'unapproved, for a test'));
  const conformant = async (name: string) =>
    (await conditions(registry, name))['KubernetesAPIApprovalPolicyConformant'];
  assert.equal(await conformant('as.new.k8s.io'), 'True ApprovedAnnotation');
  assert.equal(await conformant('bs.new.k8s.io'), 'False UnapprovedAnnotation');
  await registry.close();
});

test('conditions that others wrote stay, and may be written through /status', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  const current = await read(registry, 'widgets.example.com');
  const own = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set by a test' };
  const all = [...(current.status?.conditions ?? []), own];
  const status = { ...current.status, conditions: all };
  await registry.update(definitions, { ...current, status }, { subresource: 'status' });
  await registry.settle();
  assert.equal((await conditions(registry, 'widgets.example.com'))['StatusUpdate'], 'True E2E');
  await registry.close();
});

test('a definition that is deleted goes with all its objects, and comes back without them', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
  await registry.create('widgets.example.com', makeWidget('one'));
  await registry.create('widgets.example.com', makeWidget('two'), { namespace: 'other' });
  const watch = await registry.watch('widgets.example.com', { namespace: '' });
  await registry.delete(definitions, 'widgets.example.com');
  await registry.settle();
  assert.equal(await registry.find(definitions, 'widgets.example.com'), undefined);
  assert.equal(registry.serves('widgets.example.com'), false);
  assert.deepEqual(watch.summary, ['ADDED one', 'ADDED two', 'DELETED one', 'DELETED two']);
  assert.equal(watch.ended, true);
  await registry.define(makeDefinition());
  assert.deepEqual(await registry.names('widgets.example.com', { namespace: '' }), []);
  await registry.close();
});

test('a definition that was never established goes as soon as it is deleted', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create(definitions, makeDefinition({ plural: 'gadgets' }));
  await registry.settle();
  await registry.delete(definitions, 'gadgets.example.com');
  await registry.settle();
  assert.equal(await registry.find(definitions, 'gadgets.example.com'), undefined);
  await registry.close();
});

test('objects with finalizers hold their definition, and meanwhile nothing new is created', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create('widgets.example.com', makeWidget('held', { metadata: { finalizers: ['example.com/mine'] } }));
  await registry.delete(definitions, 'widgets.example.com');
  await registry.settle();
  const { metadata } = await read(registry, 'widgets.example.com');
  assert.deepEqual(metadata?.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
  const terminating = async () => (await conditions(registry, 'widgets.example.com'))['Terminating'];
  assert.equal(await terminating(), 'True InstanceDeletionInProgress');
  const refused = await rejection(registry.create('widgets.example.com', makeWidget('late')), 'Forbidden');
  assert.equal(
    refused.message,
    'widgets.example.com "late" is forbidden: create not allowed while custom resource definition is terminating',
  );
  const applied = registry.patch('widgets.example.com', 'late', makeWidget('late'), {
    type: 'apply',
    fieldManager: 'test',
  });
  await rejection(applied, 'Forbidden');
  await registry.clock.advance(61_000);
  assert.equal(await terminating(), 'True InstanceDeletionCheck');
  await registry.patch('widgets.example.com', 'held', { metadata: { finalizers: null } }, { type: 'merge' });
  await registry.settle();
  assert.equal(await registry.find(definitions, 'widgets.example.com'), undefined);
  await registry.close();
});

test('a definition of a kind that is built in leaves its objects alone when it goes', async () => {
  const registry = await startCustomRegistry();
  const names = { plural: 'httproutes', kind: 'HTTPRoute', group: 'gateway.networking.k8s.io' };
  const metadata = { annotations: { 'api-approved.kubernetes.io': 'unapproved' } };
  await registry.create(definitions, makeDefinition({ ...names, metadata }));
  await registry.settle();
  const route = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'one' }, spec: {} };
  await registry.create('httproutes.gateway.networking.k8s.io', route);
  await registry.delete(definitions, 'httproutes.gateway.networking.k8s.io');
  await registry.settle();
  assert.equal(await registry.find(definitions, 'httproutes.gateway.networking.k8s.io'), undefined);
  assert.deepEqual(await registry.names('httproutes.gateway.networking.k8s.io'), ['one']);
  await registry.close();
});

test('rows stay the same objects while nothing changes that they show', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.define(makeDefinition({ plural: 'gadgets', kind: 'Gadget' }));
  const [widgets, gadgets] = ['widgets.example.com', 'gadgets.example.com'].map(
    (name) => registry.target(name).resource,
  );
  await registry.patch(definitions, 'widgets.example.com', { metadata: { labels: { a: 'b' } } }, { type: 'merge' });
  assert.equal(registry.target('widgets.example.com').resource, widgets);
  const columns = [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }];
  const spec = makeDefinition({ versions: [{ additionalPrinterColumns: columns }] }).spec;
  const { structural, type } = widgets?.definition ?? {};
  await registry.patch(definitions, 'widgets.example.com', { spec }, { type: 'merge' });
  const changed = registry.target('widgets.example.com').resource;
  assert.notEqual(changed, widgets);
  assert.equal(changed.definition?.structural, structural, 'the schema is the same, and what was made of it');
  assert.equal(changed.definition?.type, type);
  assert.deepEqual(changed.definition?.columns, columns);
  assert.equal(registry.target('gadgets.example.com').resource, gadgets);
  await registry.close();
});

test('a conversion webhook with certificates that are none keeps the kind from being served until they are some', async () => {
  const registry = await startCustomRegistry();
  const conversion = (caBundle: string) => ({
    strategy: 'Webhook',
    webhook: { clientConfig: { url: 'https://localhost/', caBundle }, conversionReviewVersions: ['v1'] },
  });
  const inBase64 = (text: string) => Buffer.from(text).toString('base64');
  await registry.create(definitions, makeDefinition({ conversion: conversion(inBase64('no certificate')) }));
  await registry.settle();
  assert.equal((await conditions(registry, 'widgets.example.com'))['Established'], 'False InvalidCABundle');
  assert.equal(registry.serves('widgets.example.com'), false);
  const spec = { conversion: conversion(inBase64(authorityPem)) };
  await registry.patch(definitions, 'widgets.example.com', { spec }, { type: 'merge' });
  await registry.settle();
  assert.equal(registry.serves('widgets.example.com'), true);
  await registry.close();
});

test('a start serves what is stored, and reads objects by the schema of now', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create('widgets.example.com', makeWidget('one', { spec: { size: 1 } }));
  await registry.keeper.close();
  await registry.kinds.close();
  const api = new LiveApi(resourceTable(), builtinSchema());
  const again = new CustomKinds({ store: registry.store, api, log: silentLogger });
  await again.start();
  const row = api.resources.find('example.com', 'v1', 'widgets');
  assert.ok(row);
  assert.deepEqual(row.definition?.outline.spec.names.kind, 'Widget');
  const { store, clock } = registry;
  const { resources, schema } = api;
  const next = new Registry({ store, clock, resources, schema, prng: new SeededPrng(2), log: silentLogger });
  const target = { ...registry.target('widgets.example.com'), resource: row };
  const { objects, areEntriesShown } = await next.list(target, {});
  assert.equal(objects.length, 1);
  assert.equal(areEntriesShown, true);
  await again.close();
  await registry.store.close();
});

test('what an older schema let in is shown as this one has it, and with its defaults', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition());
  await registry.create('widgets.example.com', makeWidget('one', { spec: { size: 1, odd: true } }));
  const properties = { size: { type: 'integer' }, colour: { type: 'string', default: 'red' } };
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
  const { spec } = makeDefinition({ versions: [{ schema: { openAPIV3Schema } }] });
  await registry.patch(definitions, 'widgets.example.com', { spec }, { type: 'merge' });
  const shown = { size: 1, colour: 'red' };
  assert.deepEqual((await registry.get('widgets.example.com', 'one')).spec, shown);
  const list = await registry.list('widgets.example.com');
  assert.deepEqual([(list.objects[0] as never as { spec: unknown }).spec, list.areEntriesShown], [shown, false]);
  await registry.create('widgets.example.com', makeWidget('two'));
  await registry.patch('widgets.example.com', 'one', { metadata: { labels: { a: 'b' } } }, { type: 'merge' });
  assert.equal((await registry.list('widgets.example.com')).areEntriesShown, true, 'all were written since');
  await registry.close();
});

test('what is written while its schema changes is read by the new one', async () => {
  const registry = await startCustomRegistry();
  const withField = (name: string) => {
    const properties = { [name]: { type: 'string' } };
    const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
    return makeDefinition({ versions: [{ schema: { openAPIV3Schema } }] });
  };
  await registry.define(withField('a'));
  const written: Promise<unknown>[] = [];
  for (let round = 0; round < 20; round++) {
    const field = round % 2 === 0 ? 'b' : 'a';
    for (const name of ['x', 'y', 'z']) {
      const widget = makeWidget(`${name}-${round}`, { spec: { a: 'a', b: 'b' } });
      written.push(registry.create('widgets.example.com', widget));
    }
    const { spec } = withField(field);
    written.push(registry.patch(definitions, 'widgets.example.com', { spec }, { type: 'merge' }));
    if (round % 3 === 0) await Promise.all(written);
    const { objects } = await registry.list('widgets.example.com');
    const known = registry.target('widgets.example.com').resource.definition?.structural?.properties.get('spec');
    const allowed = [...(known?.properties.keys() ?? [])];
    for (const object of objects) {
      const fields = Object.keys((object as never as { readonly spec: object }).spec);
      assert.ok(
        fields.every((each) => allowed.includes(each)),
        `${fields.join()} where the schema has ${allowed.join()}`,
      );
    }
  }
  await Promise.all(written);
  const { entries, objects, areEntriesShown } = await registry.list('widgets.example.com');
  assert.equal(entries.length, 60);
  assert.equal(
    areEntriesShown,
    entries.every(({ object }, index) => object === objects[index]),
  );
  await registry.close();
});
