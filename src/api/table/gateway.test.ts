/** The Gateway API as clients list it: discovery's names, columns, and no form in protobuf. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnveloped, protobufType } from '../protobuf/envelope.ts';
import { resourceTable } from '../resource-table.ts';
import { printTable } from './print-table.ts';

const group = 'gateway.networking.k8s.io';
const now = Date.parse('2026-01-02T00:00:00Z');
const metadata = { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' };
const cells = (resource: string, object: object): unknown =>
  printTable({ group, resource }, [{ metadata, ...object }], { now }).rows[0]?.cells;

test('lists show what upstream columns show', () => {
  const conditions = [
    { type: 'Accepted', status: 'True' },
    { type: 'Programmed', status: 'False' },
  ];
  const status = { conditions, addresses: [{ value: '10.0.0.1' }, { value: '10.0.0.2' }] };
  assert.deepEqual(cells('gateways', { spec: { gatewayClassName: 'naru' }, status }), [
    'web',
    'naru',
    '10.0.0.1',
    'False',
    '24h',
  ]);
  const spec = { controllerName: 'a.b/c', description: 'd' };
  assert.deepEqual(cells('gatewayclasses', { spec, status }), ['web', 'a.b/c', 'True', '24h', 'd']);
  assert.deepEqual(cells('httproutes', { spec: { hostnames: ['a.b', 'c.d'] } }), ['web', '["a.b","c.d"]', '24h']);
  assert.deepEqual(cells('httproutes', { spec: {} }), ['web', null, '24h']);
  assert.deepEqual(cells('listenersets', { status }), ['web', 'True', 'False', '24h']);
});

test('short names, versions and statuses are those of the definitions', () => {
  const rows = resourceTable().all.filter((row) => row.group === group);
  const text = (version: string): string[] =>
    rows
      .filter((row) => row.version === version)
      .map(({ resource, shortNames }) => [resource, ...shortNames].join(' '));
  assert.deepEqual(text('v1'), [
    'backendtlspolicies btlspolicy',
    'gatewayclasses gc',
    'gateways gtw',
    'grpcroutes',
    'httproutes',
    'listenersets lset',
    'referencegrants refgrant',
    'tcproutes',
    'tlsroutes',
    'udproutes',
  ]);
  assert.deepEqual(text('v1beta1'), ['gatewayclasses gc', 'gateways gtw', 'httproutes', 'referencegrants refgrant']);
  assert.deepEqual(
    rows.filter(({ subresources }) => subresources.length === 0).map(({ resource }) => resource),
    ['referencegrants', 'referencegrants'],
  );
  const preferred = resourceTable()
    .groups()
    .find((each) => each.group === group)?.preferredVersion;
  assert.equal(preferred, 'v1');
});

test('there is no form in protobuf', () => {
  const kind = { apiVersion: `${group}/v1`, kind: 'Gateway' };
  assert.equal(protobufType(kind), undefined);
  assert.equal(protobufType({ ...kind, kind: 'GatewayList' }), undefined);
  const gateway = { ...kind, metadata };
  assert.equal(encodeEnveloped(gateway), undefined);
});
