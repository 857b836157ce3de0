import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { decodeEnveloped } from '../api/protobuf/envelope.ts';
import type { ResourceInfo } from '../api/resources.ts';
import { parseYaml } from '../api/yaml.ts';
import type { ListResult } from '../registry/request.ts';
import { negotiate } from './negotiation.ts';
import { type Form, listAnswer, valueAnswer, warningHeaders } from './object-answers.ts';

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

test('what was told about single objects of a collection stands in the headers of its answer', () => {
  const info = { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps' } as ResourceInfo;
  const list = { objects: [], entries: [], resourceVersion: '9', continue: '', warnings: ['mind that'] };
  const form: Form = { ...negotiate('application/json'), table: { now: 0 } };
  assert.deepEqual(listAnswer(info, list, form).headers['warning'], ['299 - "mind that"']);
});

test('items of a list say their kind only where it is a custom resource', () => {
  const listed = (info: Partial<ResourceInfo>, accept: string): { kind: string; items: KubeObject[] } => {
    const { group, version, kind = '' } = info;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const objects = ['a', 'b'].map((name) => ({ kind, apiVersion, metadata: { name } }) as KubeObject);
    const entries = objects.map((object) => ({ object, json: () => Buffer.from(JSON.stringify(object)) }));
    const list = { objects, entries, resourceVersion: '9', continue: '' } as unknown as ListResult;
    const row = { ...info, storageVersion: version } as ResourceInfo;
    const form: Form = { ...negotiate(accept), table: { now: 0 } };
    return parseYaml(Buffer.concat(listAnswer(row, list, form).body)).value as unknown as ReturnType<typeof listed>;
  };
  for (const accept of ['application/json', 'application/json;pretty=1', 'application/yaml']) {
    const { kind, items } = listed({ group: '', version: 'v1', kind: 'Secret' }, accept);
    assert.deepEqual([kind, items], ['SecretList', [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }]]);
    const widgets = listed({ group: 'example.com', version: 'v1', kind: 'Widget' }, accept);
    const [first] = widgets.items;
    assert.deepEqual([first?.kind, first?.apiVersion, widgets.items.length], ['Widget', 'example.com/v1', 2]);
  }
  const partial = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  const [first] = listed({ group: '', version: 'v1', kind: 'Secret' }, partial).items;
  assert.deepEqual([first?.kind, first?.apiVersion], ['PartialObjectMetadata', 'meta.k8s.io/v1']);
});

test('warnings that are too much for headers are cut, and then left out', () => {
  const all = (count: number, length: number) =>
    warningHeaders(Array.from({ length: count }, (_, index) => `${index} `.padEnd(length, 'x')))['warning'] ?? [];
  assert.equal(all(1, 4096)[0]?.length, '299 - ""'.length + 4096);
  assert.equal(all(1, 4097)[0]?.length, '299 - ""'.length + 256);
  assert.equal(all(1_000, 5_000).length, 16);
});
