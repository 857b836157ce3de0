import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../api/object.ts';
import { make } from '../../testing.ts';
import { startPolicies } from './testing.ts';

interface Row {
  readonly name: string;
  readonly paramKind?: JsonObject;
  readonly paramRef?: JsonObject;
  /** ConfigMaps that are there, by namespace and name, with the limit that they set and their labels. */
  readonly params?: readonly (readonly [place: string, limit: string, labels?: JsonObject])[];
  readonly failurePolicy?: string;
  /** The resource that is written: `v1 secrets` where absent. */
  readonly on?: string;
  /** Behind `denied request: `; absent: admitted. */
  readonly refused?: string;
}

const kind = { apiVersion: 'v1', kind: 'ConfigMap' };
const deny = 'no params found for policy binding with `Deny` parameterNotFoundAction';
const tooLong = 'longer than its limit';

const rows: readonly Row[] = [
  { name: 'one by its name, in the namespace of the request', params: [['default/limit', '3']], refused: tooLong },
  { name: 'one that the request meets', params: [['default/limit', '10']] },
  {
    name: 'one in a namespace that the binding names',
    paramRef: { name: 'limit', namespace: 'team', parameterNotFoundAction: 'Deny' },
    params: [
      ['default/limit', '10'],
      ['team/limit', '3'],
    ],
    refused: tooLong,
  },
  {
    name: 'all that a selector finds: each must be met',
    paramRef: { selector: { matchLabels: { is: 'limit' } }, parameterNotFoundAction: 'Deny' },
    params: [
      ['default/a', '10', { is: 'limit' }],
      ['default/b', '3', { is: 'limit' }],
    ],
    refused: tooLong,
  },
  {
    name: 'none that the selector leaves out',
    paramRef: { selector: { matchLabels: { is: 'limit' } }, parameterNotFoundAction: 'Deny' },
    params: [
      ['default/a', '10', { is: 'limit' }],
      ['default/b', '3'],
    ],
  },
  {
    name: 'none there, where that refuses',
    refused: `failed to configure binding: ${deny}`,
  },
  { name: 'none there, where that admits', paramRef: { name: 'limit', parameterNotFoundAction: 'Allow' } },
  { name: 'none there, where failures are ignored', failurePolicy: 'Ignore' },
  {
    name: 'of a kind that nobody serves',
    paramKind: { apiVersion: 'rules.example.com/v1', kind: 'Limit' },
    refused:
      "failed to configure policy: failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=Limit'",
  },
  {
    name: 'in a namespace, of a kind that has none',
    paramKind: { apiVersion: 'v1', kind: 'Node' },
    paramRef: { name: 'n', namespace: 'default', parameterNotFoundAction: 'Deny' },
    refused: 'failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`',
  },
  {
    name: 'in the namespace of a request that has none',
    on: 'v1 nodes',
    refused:
      'failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
  },
];

void describe('parameters of a policy', () => {
  for (const row of rows) {
    void test(row.name, async () => {
      const { paramKind = kind, params = [], failurePolicy = 'Fail', on = 'v1 secrets' } = row;
      const paramRef = row.paramRef ?? { name: 'limit', parameterNotFoundAction: 'Deny' };
      const policies = await startPolicies();
      const { cluster } = policies;
      await cluster.create('namespaces', make.namespace());
      for (const [place, limit, labels = {}] of params) {
        const [namespace = '', name = ''] = place.split('/');
        await cluster.create('configmaps', { metadata: { name, labels }, data: { limit } }, { namespace });
      }
      const expression = 'size(object.metadata.name) <= int(params.data.limit)';
      await policies.validating('p', { on, paramKind, failurePolicy, validations: [{ expression, message: tooLong }] });
      await policies.bindValidating('p', { paramRef });
      const [, resource = ''] = on.split(' ');
      const work = cluster.create(resource, { metadata: { name: 'secret' } }, { dryRun: true });
      if (row.refused === undefined) await work;
      else assert.equal((await policies.refused(work)).split('denied request: ')[1], row.refused);
    });
  }

  void test('are null where the binding names none, and change with the next request', async () => {
    const policies = await startPolicies();
    const expression = "params == null || params.data.mode == 'open'";
    await policies.validating('p', { on: 'v1 secrets', paramKind: kind, validations: [{ expression }] });
    await policies.bindValidating('p', {}, 'without');
    const create = (): Promise<unknown> => policies.cluster.create('secrets', make.secret(), { dryRun: true });
    await create();
    await policies.bindValidating('p', { paramRef: { name: 'mode', parameterNotFoundAction: 'Allow' } }, 'with');
    await create();
    await policies.cluster.create('configmaps', { metadata: { name: 'mode' }, data: { mode: 'closed' } });
    assert.match(await policies.refused(create()), /with binding 'with' denied request/);
    await policies.cluster.patch('configmaps', 'mode', { data: { mode: 'open' } });
    await create();
  });
});
