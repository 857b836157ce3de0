/** Content hashes beside the values that kustomize's own tests publish. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../api/object.ts';
import { parseYaml } from '../api/yaml.ts';
import { contentHash, goJson } from './hash.ts';

const map = 'apiVersion: v1\nkind: ConfigMap\n';
const secret = 'apiVersion: v1\nkind: Secret\ntype: my-type\n';

const rows: readonly (readonly [yaml: string, hash: string])[] = [
  [map, '6ct58987ht'],
  [`${map}data: {one: ""}`, '9g67k2htb6'],
  [`${map}data: {two: 2, one: "", three: 3}`, '7757f9kkct'],
  [`${map}binaryData: {one: ""}`, '6mtk2m274t'],
  [`${map}binaryData: {two: 2, one: "", three: 3}`, '9th7kc28dg'],
  [`${map}data: {one: ""}\nbinaryData: {two: ""}`, '698h7c7t9m'],
  [secret, '5gmgkf8578'],
  [`${secret}data: {one: ""}`, '74bd68bm66'],
  [`${secret}data: {two: 2, one: "", three: 3}`, '4gf75c7476'],
  [`${secret}data: {one: ""}\nstringData: {two: 2}`, 'c4h4264gdb'],
];

for (const [yaml, hash] of rows) {
  test(`${yaml.split('\n').slice(1).join(' ')} has the hash ${hash}`, () => {
    assert.equal(contentHash(parseYaml(yaml).value as JsonObject), hash);
  });
}

test('JSON is written as Go writes it, so that hashes are the same for all texts', () => {
  assert.equal(
    goJson({ b: '<a & b>', a: ['\u2028', 1, true, null] }),
    '{"a":["\\u2028",1,true,null],"b":"\\u003ca \\u0026 b\\u003e"}',
  );
});
