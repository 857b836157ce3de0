import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../decode-error.ts';
import { resourceTable } from '../resource-table.ts';
import { apiVersionOf } from '../resources.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf } from './encode.ts';
import { decodeEnveloped, encodeEnveloped, protobufType } from './envelope.ts';
import { encodeListItem, joinList } from './list.ts';
import { protobufWatchFrame } from './watch-frame.ts';
import { WireReader } from './wire.ts';

const configMap = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { key: 'value' } };
const nothing = { apiVersion: '', kind: '' };

test('an envelope names the kind and holds the object', () => {
  const bytes = encodeEnveloped(configMap);
  assert.ok(bytes);
  assert.equal(bytes.subarray(0, 22).toString('latin1'), 'k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12');
  assert.deepEqual([...bytes.subarray(-4)], [0x1a, 0, 0x22, 0]);
  assert.deepEqual(decodeEnveloped(bytes, nothing), configMap);
});

test('an envelope that names no kind is what was expected', () => {
  const bytes = Buffer.from('6b38730012020800', 'hex');
  assert.deepEqual(decodeEnveloped(bytes, { apiVersion: 'v1', kind: 'DeleteOptions' }), {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    gracePeriodSeconds: 0,
  });
});

test('what is no envelope is refused', () => {
  for (const [text, message] of [
    ['', 'empty data'],
    ['{"kind":"Pod"}', 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]'],
    ['k8s\0', 'empty body'],
    ['k8s\0\x0a\x05\x0a', 'unexpected EOF'],
    ['k8s\0\x0a\x09\x0a\x02v1\x12\x03Pie', 'no kind "Pie" is registered for version "v1"'],
  ] as const) {
    assert.throws(() => decodeEnveloped(Buffer.from(text), nothing), new DecodeError(message));
  }
});

test('tables and kinds that nobody declares have no protobuf form', () => {
  assert.equal(encodeEnveloped({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' }), undefined);
  assert.equal(encodeEnveloped({ kind: 'Pie', apiVersion: 'example.org/v1' }), undefined);
  assert.equal(encodeEnveloped({ kind: 'Pod', apiVersion: '../v1' }), undefined);
});

test('every kind that has a protobuf form has a list with its items in field 2', () => {
  const listed = resourceTable().all.filter(({ verbs }) => verbs.includes('list'));
  assert.ok(listed.length > 40, String(listed.length));
  for (const info of listed) {
    const apiVersion = apiVersionOf(info);
    const list = protobufType({ apiVersion, kind: `${info.kind}List` });
    assert.equal(list === undefined, protobufType({ apiVersion, kind: info.kind }) === undefined, info.kind);
    if (list !== undefined) assert.equal(list.fieldsByName.get('items')?.number, 2, info.kind);
  }
});

test('a list joined from messages is the list encoded as a whole', () => {
  const type = protobufType(configMap);
  assert.ok(type);
  const objects = [configMap, { ...configMap, data: { long: 'x'.repeat(300) } }];
  const items = objects.map((object) => encodeListItem(type, object));
  const kind = { apiVersion: 'v1', kind: 'ConfigMapList' };
  const pieces = joinList(kind, { resourceVersion: '7' }, items);
  const whole: object = { ...kind, metadata: { resourceVersion: '7' }, items: objects };
  assert.deepEqual(Buffer.concat(pieces ?? []), encodeEnveloped(whole));
  assert.deepEqual(Buffer.from(items[1]?.message ?? []), encodeProtobuf(type, objects[1] as typeof configMap));
});

test('a watch frame is its length, and an event that holds the enveloped object', () => {
  const type = protobufType(configMap);
  assert.ok(type);
  const message = encodeProtobuf(type, configMap);
  const { head, tail } = protobufWatchFrame('ADDED', configMap, message.length);
  const frame = Buffer.concat([head, message, tail]);
  assert.equal(frame.readUInt32BE(), frame.length - 4);
  const reader = new WireReader(frame.subarray(4));
  assert.ok(reader.nextField());
  assert.equal(reader.string(), 'ADDED');
  assert.ok(reader.nextField());
  reader.enter('Object');
  assert.ok(reader.nextField());
  assert.deepEqual(decodeEnveloped(reader.bytes(), nothing), configMap);
  assert.equal(reader.atEnd(), true);
});

test('an object within an object may have an envelope of its own, or be JSON', () => {
  const inner = encodeEnveloped(configMap);
  const type = protobufType({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
  assert.ok(inner && type);
  // request (1): { object (9): { raw (1): the bytes } }
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, ...lengthOf(bytes)]), bytes]);
  const review = (raw: Buffer) => decodeProtobuf(type, field(1, field(9, field(1, raw))));
  const expected = { request: { uid: '', object: configMap } };
  assert.deepEqual((review(inner)['request'] as { object: unknown }).object, expected.request.object);
  assert.deepEqual(
    (review(Buffer.from(JSON.stringify(configMap)))['request'] as { object: unknown }).object,
    configMap,
  );
  assert.throws(
    () => review(Buffer.from('k8s\0\x0a\x02\x0a\x00', 'latin1')),
    /no kind "" is registered for version ""/,
  );
  assert.throws(() => review(Buffer.from('not JSON')), DecodeError);
});

test('envelopes within envelopes end', () => {
  const watch = { kind: 'WatchEvent', apiVersion: 'v1' };
  const type = protobufType(watch);
  assert.ok(type);
  let bytes = Buffer.from('{}');
  const field = (number: number, inner: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, ...lengthOf(inner)]), inner]);
  for (let level = 0; level < 1000; level++) {
    const message = field(2, field(1, bytes));
    const kind = field(1, Buffer.concat([field(1, Buffer.from('v1')), field(2, Buffer.from('WatchEvent'))]));
    bytes = Buffer.concat([Buffer.from('k8s\0'), kind, field(2, message)]);
  }
  assert.throws(() => decodeEnveloped(bytes, watch), /nests deeper/);
});

function lengthOf({ length }: Buffer): number[] {
  const bytes: number[] = [];
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
