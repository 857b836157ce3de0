/**
 * Upstream's own samples in protobuf, one for each kind with every field filled in, through our codec: each is the object of
 * the JSON sample beside it, and comes out again byte for byte. They come from Debian, so this needs a network once.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DecodeError, decodeObject, parseJson } from '../../src/api/decode.ts';
import type { JsonObject } from '../../src/api/object.ts';
import { decodeProtobuf } from '../../src/api/protobuf/decode.ts';
import { encodeProtobuf } from '../../src/api/protobuf/encode.ts';
import { decodeEnveloped, envelop, type ObjectKind, protobufType } from '../../src/api/protobuf/envelope.ts';
import { nextInt, SeededPrng } from '../../src/lib/prng.ts';
import { fetchDebianPackage } from '../../tools/debian-package.ts';

const cacheDir = join(import.meta.dirname, '../../.cache');
const source = 'usr/share/gocode/src/k8s.io';
const folders = [
  join(await fetchDebianPackage({ name: 'golang-k8s-api-dev', cacheDir }), source, 'api/testdata/HEAD'),
  join(
    await fetchDebianPackage({ name: 'golang-k8s-apiextensions-apiserver-dev', cacheDir }),
    source,
    'apiextensions-apiserver/pkg/apis/testdata/HEAD',
  ),
];

interface Sample {
  readonly folder: string;
  readonly name: string;
  readonly kind: ObjectKind;
  readonly bytes: Buffer;
  readonly value: JsonObject;
}

/** `apps.v1.Deployment.pb`, with its JSON beside it. */
function sample(folder: string, file: string): Sample {
  const name = file.slice(0, -'.pb'.length);
  const [, group = '', version = '', kind = ''] = /^(.*)\.(v[^.]+)\.([^.]+)$/.exec(name) ?? [];
  const apiVersion = group === 'core' ? version : `${group}/${version}`;
  const { value } = parseJson(readFileSync(join(folder, `${name}.json`), 'utf8'));
  return {
    folder,
    name,
    kind: { apiVersion, kind },
    bytes: readFileSync(join(folder, file)),
    value: value as JsonObject,
  };
}

const samples = folders
  .flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.pb'))
      .map((file) => sample(folder, file)),
  )
  // Nobody serves it any more: there is no table for it.
  .filter(({ name }) => !name.startsWith('apiextensions.k8s.io.v1beta1.'));

/** A WatchEvent names no kind, neither in its envelope nor in JSON. */
const named = ({ kind }: Sample): ObjectKind => (kind.kind === 'WatchEvent' ? { apiVersion: '', kind: '' } : kind);

/** Upstream has one file in each form for each of them, and none besides. */
test('every file of upstream is looked at', () => {
  for (const folder of folders) {
    const files = readdirSync(folder).filter((file) => !file.startsWith('apiextensions.k8s.io.v1beta1.'));
    assert.deepEqual(
      files.filter((file) => !/\.(json|pb|yaml)$/.test(file)),
      [],
    );
    assert.equal(files.length, 3 * samples.filter(({ folder: its }) => its === folder).length);
  }
});

test('a sample that was damaged ends in an object that can be written, or in a DecodeError', () => {
  const prng = new SeededPrng(7);
  for (const { kind, bytes, name } of samples) {
    for (let round = 0; round < 20; round++) {
      const damaged = Buffer.from(bytes.subarray(0, round % 4 === 0 ? nextInt(prng, bytes.length) : bytes.length));
      for (let flips = round % 5; flips > 0 && damaged.length > 4; flips--) {
        const at = 4 + nextInt(prng, damaged.length - 4);
        damaged[at] = (damaged[at] as number) ^ (1 << nextInt(prng, 8));
      }
      try {
        const decoded = decodeEnveloped(damaged, kind);
        const type = protobufType(decoded as unknown as ObjectKind);
        assert.ok(type, name);
        encodeProtobuf(type, decodeObject(type, decoded).object);
      } catch (error) {
        assert.ok(error instanceof DecodeError, `${name}: ${String(error)}`);
      }
    }
  }
});

test('there are samples of all that upstream serves', () => {
  assert.ok(samples.length > 150, String(samples.length));
});

test('each sample decodes to the JSON beside it', () => {
  for (const each of samples) {
    const decoded = decodeEnveloped(each.bytes, each.kind);
    const { kind, apiVersion, ...rest } = decoded;
    assert.deepEqual(named(each).kind === '' ? rest : { kind, apiVersion, ...rest }, each.value, each.name);
  }
});

test('each JSON sample encodes to the protobuf beside it, byte for byte', () => {
  for (const each of samples) {
    const type = protobufType(each.kind);
    assert.ok(type, each.name);
    const message = encodeProtobuf(type, each.value);
    const { head, tail } = envelop(named(each), message.length);
    assert.equal(Buffer.concat([head, message, tail]).toString('hex'), each.bytes.toString('hex'), each.name);
    assert.deepEqual(encodeProtobuf(type, decodeProtobuf(type, message)), message, each.name);
  }
});
