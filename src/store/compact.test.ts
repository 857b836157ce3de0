import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { compact } from './compact.ts';

const pod = (name: string): KubeObject => {
  const fieldsV1 = { 'f:spec': { 'f:nodeName': {} } };
  const managedFields = [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 }];
  const spec = { nodeName: ['node', 'of', 'all'].join('-') };
  return { kind: 'Pod', apiVersion: 'v1', metadata: { name, managedFields }, spec } as unknown as KubeObject;
};

const treeOf = (object: KubeObject): unknown => object.metadata?.managedFields?.[0]?.fieldsV1;

describe('compact', () => {
  test('changes nothing that can be seen, and freezes all of it', () => {
    const object = compact(pod('a'));
    assert.equal(JSON.stringify(object), JSON.stringify(pod('a')));
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    assert.ok(isFrozen(object));
  });

  test('shares equal field trees between objects, and no others', () => {
    const [a, b] = [compact(pod('a')), compact(pod('b'))];
    assert.equal(treeOf(a), treeOf(b));
    const other = pod('c');
    Object.assign(treeOf(other) as object, { 'f:status': {} });
    assert.notEqual(treeOf(compact(other)), treeOf(a));
    assert.deepEqual(treeOf(other), { 'f:spec': { 'f:nodeName': {} }, 'f:status': {} });
  });

  test('keeps apart trees whose fields stand in another order, as their JSON differs', () => {
    const tree = (...names: string[]) => Object.fromEntries(names.map((name) => [name, {}]));
    const withTree = (fieldsV1: object): KubeObject =>
      compact({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', managedFields: [{ fieldsV1 }] } });
    const [first, second] = [withTree(tree('f:a', 'f:b')), withTree(tree('f:b', 'f:a'))];
    assert.deepEqual(Object.keys(treeOf(first) as object), ['f:a', 'f:b']);
    assert.deepEqual(Object.keys(treeOf(second) as object), ['f:b', 'f:a']);
  });

  test('shares the equal parts of trees that differ', () => {
    const owned = (address: string): KubeObject => {
      const conditions = { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {} } };
      const podIPs = { [`k:{"ip":"${address}"}`]: { '.': {}, 'f:ip': {} } };
      const fieldsV1 = { 'f:status': { 'f:conditions': conditions, 'f:podIPs': podIPs } };
      return compact({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', managedFields: [{ fieldsV1 }] } });
    };
    const statusOf = (object: KubeObject) =>
      (treeOf(object) as Record<string, Record<string, Record<string, unknown>>>)['f:status'];
    const [a, b] = [statusOf(owned('10.0.0.1')), statusOf(owned('10.0.0.2'))];
    assert.notEqual(a, b);
    assert.equal(a?.['f:conditions'], b?.['f:conditions']);
    assert.equal(a?.['f:podIPs']?.['k:{"ip":"10.0.0.1"}'], b?.['f:podIPs']?.['k:{"ip":"10.0.0.2"}']);
    assert.equal(
      JSON.stringify(b),
      '{"f:conditions":{"k:{\\"type\\":\\"Ready\\"}":{".":{},"f:status":{}}},' +
        '"f:podIPs":{"k:{\\"ip\\":\\"10.0.0.2\\"}":{".":{},"f:ip":{}}}}',
    );
  });

  test('leaves frozen entries as they are', () => {
    const object = pod('a');
    const entries = object.metadata?.managedFields;
    const tree = treeOf(object);
    Object.freeze(entries?.[0]);
    assert.equal(treeOf(compact(object)), tree);
  });
});
