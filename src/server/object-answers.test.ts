import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { decodeEnveloped } from '../api/protobuf/envelope.ts';
import type { ResourceInfo } from '../api/resources.ts';
import type { ListResult } from '../registry/request.ts';
import { negotiate } from './negotiation.ts';
import { type Form, listAnswer, valueAnswer } from './object-answers.ts';

const value = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { b: '1', a: 'yes' } };
const text = (encoding: Form['encoding'], pretty: boolean): string =>
  Buffer.concat(valueAnswer(200, value, { encoding, pretty }).body).toString();

test('JSON stands in the order of its fields, with a line break behind it unless it is indented', () => {
  assert.equal(text('json', false), `${JSON.stringify(value)}\n`);
  assert.equal(text('json', true), JSON.stringify(value, null, 2));
});

test('YAML stands in alphabetical order', () => {
  const expected = 'apiVersion: v1\ndata:\n  a: "yes"\n  b: "1"\nkind: ConfigMap\nmetadata:\n  name: a\n';
  assert.equal(text('yaml', false), expected);
  assert.equal(text('yaml', true), expected);
});

test('the metadata of custom resources has a form in protobuf', () => {
  const widgets = { group: 'example.com', version: 'v1', kind: 'Widget', resource: 'widgets' } as ResourceInfo;
  const widget = { kind: 'Widget', apiVersion: 'example.com/v1', metadata: { name: 'w' }, spec: {} } as KubeObject;
  const list = { objects: [widget], entries: [], resourceVersion: '9', continue: '' } as unknown as ListResult;
  const accept = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1';
  const form: Form = { ...negotiate(accept), table: { now: 0 } };
  const answer = listAnswer(widgets, list, form);
  assert.equal(answer.headers['content-type'], 'application/vnd.kubernetes.protobuf');
  const { kind, apiVersion, items } = decodeEnveloped(Buffer.concat(answer.body), { kind: '', apiVersion: '' });
  assert.deepEqual([kind, apiVersion], ['PartialObjectMetadataList', 'meta.k8s.io/v1beta1']);
  assert.deepEqual((items as { metadata: { name: string } }[])[0]?.metadata.name, 'w');
});
