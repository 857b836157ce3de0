import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { NamedRuleWithOperations } from '../../api/schema/types/admissionregistration-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { ServedResources } from '../served-resource.ts';
import { resourceNamed } from '../testing.ts';
import { Asked } from './asked.ts';
import { Criteria, type CriteriaOptions, isExempt } from './match.ts';

const resources = resourceTable();
const served = new ServedResources({
  schema: builtinSchema(),
  resources,
  prng: new SeededPrng(1),
});

async function storeWith(labels: Record<string, string>): Promise<MemoryStore> {
  const store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
  await store.start();
  const key = { collection: 'namespaces', namespace: '', name: 'labelled' };
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'labelled', labels } };
  await store.write({ kind: 'put', key, object, expectedRevision: 0 });
  return store;
}

const store = await storeWith({ team: 'a' });

interface What {
  readonly resource?: string;
  readonly subresource?: string;
  readonly operation?: Asked['operation'];
  readonly namespace?: string;
  readonly name?: string;
  readonly labels?: Record<string, string>;
  readonly oldLabels?: Record<string, string>;
}

function asked({ resource = 'pods', subresource = '', operation = 'CREATE', name = 'x', ...what }: What = {}): Asked {
  const info = resourceNamed(resource);
  const namespace = info.namespaced ? (what.namespace ?? 'labelled') : '';
  const target = { user: { name: 'u', groups: [] }, resource: info, namespace, name, subresource };
  const draft = { metadata: { name, ...(what.labels && { labels: what.labels }) } };
  const old = { metadata: { name, ...(what.oldLabels && { labels: what.oldLabels }) } };
  return new Asked(
    { served, resources, store },
    {
      operation,
      target,
      collection: resource,
      dryRun: false,
      options: undefined,
      ...(operation !== 'DELETE' && { draft }),
      ...((operation === 'UPDATE' || operation === 'DELETE') && { old }),
    },
  );
}

interface Wanted extends Omit<Partial<CriteriaOptions>, 'rules'> {
  readonly operations?: readonly string[];
  readonly groups?: readonly string[];
  readonly versions?: readonly string[];
  readonly resources?: readonly string[];
  readonly scope?: string;
  readonly names?: readonly string[];
}

const any = ['*'] as const;

/** The version, with its group, in which it is wanted; undefined: not at all. */
function match(wanted: Wanted, what: What = {}): string | undefined {
  const { operations = any, groups = any, versions = any, resources: given = any, scope, names, ...rest } = wanted;
  const rule = {
    operations,
    apiGroups: groups,
    apiVersions: versions,
    resources: given,
    ...(scope && { scope }),
    ...(names && { resourceNames: names }),
  } as NamedRuleWithOperations;
  const form = new Criteria({ rules: [rule], ...rest }).match(asked(what));
  return form && `${form.resource.group}/${form.resource.version}`;
}

const core = '/v1';
const pods = { resource: 'pods' };
const rows: readonly (readonly [name: string, wanted: Wanted, what: What, expected: string | undefined])[] = [
  ['everything', {}, {}, core],
  ['its group', { groups: ['apps', ''] }, {}, core],
  ['another group', { groups: ['apps'] }, {}, undefined],
  ['its version', { versions: ['v1'] }, {}, core],
  ['another version', { versions: ['v2'] }, {}, undefined],
  ['its operation', { operations: ['UPDATE', 'CREATE'] }, {}, core],
  ['another operation', { operations: ['DELETE'] }, {}, undefined],
  [
    'CONNECT',
    { operations: ['CONNECT'], resources: ['pods/exec'] },
    { subresource: 'exec', operation: 'CONNECT' },
    core,
  ],
  ['its resource', { resources: ['services', 'pods'] }, {}, core],
  ['another resource', { resources: ['services'] }, {}, undefined],
  ['* is no subresource', { resources: ['*'] }, { subresource: 'status' }, undefined],
  ['*/* is all', { resources: ['*/*'] }, { subresource: 'status' }, core],
  ['*/* is the resource itself, too', { resources: ['*/*'] }, {}, core],
  ['pods/* is all of pods', { resources: ['pods/*'] }, { subresource: 'exec' }, core],
  ['pods/* is pods, too', { resources: ['pods/*'] }, {}, core],
  ['pods/* is nothing of others', { resources: ['services/*'] }, {}, undefined],
  ['*/status', { resources: ['*/status'] }, { subresource: 'status' }, core],
  ['*/status is not */exec', { resources: ['*/status'] }, { subresource: 'exec' }, undefined],
  ['pods is not pods/status', { resources: ['pods'] }, { subresource: 'status' }, undefined],
  ['namespaced', { scope: 'Namespaced' }, pods, core],
  ['namespaced, not in the cluster', { scope: 'Cluster' }, pods, undefined],
  ['in the cluster', { scope: 'Cluster' }, { resource: 'nodes' }, core],
  ['in the cluster, not namespaced', { scope: 'Namespaced' }, { resource: 'nodes' }, undefined],
  ['a Namespace stands in the cluster', { scope: 'Cluster' }, { resource: 'namespaces' }, core],
  ['a Namespace is not namespaced', { scope: 'Namespaced' }, { resource: 'namespaces' }, undefined],
  ['any scope', { scope: '*' }, { resource: 'namespaces' }, core],
  ['its name', { names: ['a', 'x'] }, {}, core],
  ['another name', { names: ['a'] }, {}, undefined],
  ['the namespace’s labels', { namespaceSelector: { matchLabels: { team: 'a' } } }, {}, core],
  ['not the namespace’s labels', { namespaceSelector: { matchLabels: { team: 'b' } } }, {}, undefined],
  ['outside namespaces', { namespaceSelector: { matchLabels: { team: 'b' } } }, { resource: 'nodes' }, core],
  [
    'a Namespace’s own labels, as they are to be',
    { namespaceSelector: { matchLabels: { team: 'b' } } },
    { resource: 'namespaces', name: 'labelled', labels: { team: 'b' } },
    core,
  ],
  [
    'a deleted Namespace’s labels',
    { namespaceSelector: { matchLabels: { team: 'a' } } },
    { resource: 'namespaces', name: 'labelled', operation: 'DELETE' },
    core,
  ],
  ['the object’s labels', { objectSelector: { matchLabels: { a: '1' } } }, { labels: { a: '1' } }, core],
  ['not the object’s labels', { objectSelector: { matchLabels: { a: '1' } } }, { labels: { a: '2' } }, undefined],
  [
    'the old object’s labels',
    { objectSelector: { matchLabels: { a: '1' } } },
    { operation: 'UPDATE', oldLabels: { a: '1' } },
    core,
  ],
  [
    'the deleted object’s labels',
    { objectSelector: { matchLabels: { a: '1' } } },
    { operation: 'DELETE', oldLabels: { a: '1' } },
    core,
  ],
  [
    'what has no labels meets no selector, not even one for those without',
    { objectSelector: { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, resources: ['pods/exec'] },
    { subresource: 'exec', operation: 'CONNECT' },
    undefined,
  ],
  [
    'excluded',
    { excludeRules: [{ operations: any, apiGroups: any, apiVersions: any, resources: ['pods'] }] },
    {},
    undefined,
  ],
  [
    'others excluded',
    { excludeRules: [{ operations: any, apiGroups: any, apiVersions: any, resources: ['nodes'] }] },
    {},
    core,
  ],
  [
    'another version of the same objects',
    { groups: ['autoscaling'], versions: ['v1'], matchPolicy: 'Equivalent' },
    { resource: 'horizontalpodautoscalers.v2.autoscaling' },
    'autoscaling/v1',
  ],
  [
    'exactly the version asked for',
    { groups: ['autoscaling'], versions: ['v1'], matchPolicy: 'Exact' },
    { resource: 'horizontalpodautoscalers.v2.autoscaling' },
    undefined,
  ],
  [
    'the version asked for comes first',
    { groups: ['autoscaling'], versions: ['v1', 'v2'], matchPolicy: 'Equivalent' },
    { resource: 'horizontalpodautoscalers.v2.autoscaling' },
    'autoscaling/v2',
  ],
  [
    'another group with the same objects',
    { groups: [''], resources: ['events'], matchPolicy: 'Equivalent' },
    { resource: 'events.events.k8s.io' },
    core,
  ],
  [
    'a subresource in another version, only where that has it',
    { groups: ['autoscaling'], versions: ['v1'], resources: ['*/status'], matchPolicy: 'Equivalent' },
    { resource: 'horizontalpodautoscalers.v2.autoscaling', subresource: 'status', operation: 'UPDATE' },
    'autoscaling/v1',
  ],
];

for (const [name, wanted, what, expected] of rows) {
  test(`criteria: ${name}`, () => assert.equal(match(wanted, what), expected));
}

test('without rules nothing is matched, and without a list of them everything', () => {
  assert.equal(new Criteria({ rules: [] }).match(asked()), undefined);
  assert.equal(new Criteria({ rules: undefined }).match(asked())?.kind.kind, 'Pod');
});

test('a namespace that is not there matters only to whom the request concerns otherwise', () => {
  const namespaceSelector = { matchLabels: { team: 'a' } };
  assert.equal(match({ namespaceSelector, resources: ['services'] }, { namespace: 'gone' }), undefined);
  assert.throws(() => match({ namespaceSelector }, { namespace: 'gone' }), { message: 'namespaces "gone" not found' });
});

test('what configures admission is exempt, and nothing else of its group', () => {
  const group = 'admissionregistration.k8s.io';
  const exempt = resources.all
    .filter((info) => info.group === group)
    .filter((info) => isExempt(asked({ resource: nameOf(info) })));
  const kinds = new Set(exempt.map(({ kind }) => kind));
  assert.deepEqual([...kinds].sort(), [
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingWebhookConfiguration',
  ]);
  assert.equal(isExempt(asked()), false);
});

const nameOf = ({ resource, version, group }: { resource: string; version: string; group: string }): string =>
  `${resource}.${version}.${group}`;
