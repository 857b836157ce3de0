/**
 * protobufjs, with upstream's own .proto files, is the judge of our tables and our codec: random objects of every kind that has a
 * form in protobuf. What we write it reads, and nothing of it is unknown to it; what it writes again, packed or in another order
 * as it likes, we read as the same object. One seed, so that a failure repeats.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { normalizeObject } from '../../src/api/normalize.ts';
import type { JsonObject, JsonValue } from '../../src/api/object.ts';
import { decodeProtobuf } from '../../src/api/protobuf/decode.ts';
import { encodeProtobuf } from '../../src/api/protobuf/encode.ts';
import { protobufType } from '../../src/api/protobuf/envelope.ts';
import { resourceTable } from '../../src/api/resource-table.ts';
import { apiVersionOf } from '../../src/api/resources.ts';
import type { MessageType, SpecialForm, Type } from '../../src/api/schema/schema.ts';
import { nextInt, type Prng, SeededPrng } from '../../src/lib/prng.ts';
import { fetchDebianPackage } from '../../tools/debian-package.ts';

const cacheDir = join(import.meta.dirname, '../../.cache');
const packages = ['golang-k8s-api-dev', 'golang-k8s-apimachinery-dev', 'golang-k8s-apiextensions-apiserver-dev'];
const roots = await Promise.all(
  packages.map(async (name) => join(await fetchDebianPackage({ name, cacheDir }), 'usr/share/gocode/src')),
);

const oracle = new protobuf.Root();
oracle.resolvePath = (_origin, target) =>
  roots.map((root) => join(root, target)).find((path) => existsSync(path)) ?? target;

/** Upstream keeps a .proto file beside the Go types of each version. */
const folders: Readonly<Record<string, string>> = {
  '': 'core',
  'admissionregistration.k8s.io': 'admissionregistration',
  'authentication.k8s.io': 'authentication',
  'authorization.k8s.io': 'authorization',
  'certificates.k8s.io': 'certificates',
  'coordination.k8s.io': 'coordination',
  'discovery.k8s.io': 'discovery',
  'events.k8s.io': 'events',
  'flowcontrol.apiserver.k8s.io': 'flowcontrol',
  'networking.k8s.io': 'networking',
  'node.k8s.io': 'node',
  'rbac.authorization.k8s.io': 'rbac',
  'resource.k8s.io': 'resource',
  'scheduling.k8s.io': 'scheduling',
  'storage.k8s.io': 'storage',
};

interface Subject {
  readonly name: string;
  readonly type: MessageType;
  readonly judge: protobuf.Type;
}

async function subjects(): Promise<Subject[]> {
  // Kinds that upstream declares by CustomResourceDefinitions have no form in protobuf.
  // Aggregation's kinds have their .proto file in a package of their own, which nothing else here needs.
  const all = resourceTable().all.filter(({ group }) => group !== 'apiregistration.k8s.io');
  const rows = all.filter(({ custom }) => custom !== true);
  const packagesByRow = rows.map(({ group, version }) => packageOf(group, version));
  const files = new Set(packagesByRow.map((name) => pathOf(name)));
  await oracle.load([...files]);
  oracle.resolveAll();
  return rows.flatMap((row, index) =>
    [row.kind, `${row.kind}List`].flatMap((kind) => {
      const type = protobufType({ apiVersion: apiVersionOf(row), kind });
      const name = `${packagesByRow[index]}.${kind}`;
      return type === undefined ? [] : [{ name, type, judge: oracle.lookupType(name) }];
    }),
  );
}

function packageOf(group: string, version: string): string {
  if (group === 'apiextensions.k8s.io') return `k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.${version}`;
  return `k8s.io.api.${folders[group] ?? group}.${version}`;
}

function pathOf(name: string): string {
  const below = name
    .slice('k8s.io.'.length)
    .replaceAll('.', '/')
    .replace('apiextensions_apiserver', 'apiextensions-apiserver');
  return `k8s.io/${below}/generated.proto`;
}

const depthMax = 9;

/** An object in which about half of the fields are set; deep down, fewer. */
function randomMessage(type: MessageType, prng: Prng, depth: number): JsonObject {
  const object: JsonObject = {};
  for (const [name, field] of type.fieldsByName) {
    if (name === 'kind' || name === 'apiVersion' || prng.next() > (depth < 4 ? 0.7 : 0.3)) continue;
    const value = randomValue(field.type, prng, depth + 1);
    if (value !== undefined) object[name] = value;
  }
  return object;
}

function randomValue(type: Type, prng: Prng, depth: number): JsonValue | undefined {
  if (depth > depthMax) return undefined;
  switch (type.kind) {
    case 'scalar':
      return randomScalar(type.scalar, prng);
    case 'special':
      return type.message === undefined ? special(type.form, prng) : undefined;
    case 'message':
      return randomMessage(type.message, prng, depth);
    case 'list':
      return several(prng, () => randomValue(type.element, prng, depth));
    case 'map': {
      const values = several(prng, () => randomValue(type.value, prng, depth));
      return Object.fromEntries(values.map((value, index) => [`k${index}`, value]));
    }
  }
}

function several(prng: Prng, make: () => JsonValue | undefined): JsonValue[] {
  return Array.from({ length: nextInt(prng, 3) }, make).filter((value) => value !== undefined);
}

function randomScalar(scalar: string, prng: Prng): JsonValue {
  const size = nextInt(prng, 40);
  switch (scalar) {
    case 'string':
      return ['', 'a', 'é', '😀', 'x'.repeat(size * 10)][nextInt(prng, 5)] ?? '';
    case 'bytes':
      return Buffer.alloc(size, size).toString('base64');
    case 'boolean':
      return prng.next() < 0.5;
    case 'int32':
      return Math.floor((prng.next() - 0.5) * 2 ** Math.min(size, 32));
    case 'int64':
      return Math.floor((prng.next() - 0.5) * 2 ** size);
    case 'float':
    case 'double':
      return nextInt(prng, 1000) / 8;
    default:
      return nextInt(prng, 1000);
  }
}

function special(form: SpecialForm, prng: Prng): JsonValue {
  switch (form) {
    case 'quantity':
      return `${nextInt(prng, 1000)}m`;
    case 'int-or-string':
      return prng.next() < 0.5 ? nextInt(prng, 70000) - 100 : '50%';
    case 'time':
      return `20${10 + nextInt(prng, 80)}-03-04T05:06:07Z`;
    case 'micro-time':
      return `19${10 + nextInt(prng, 80)}-03-04T05:06:07.${100000 + nextInt(prng, 800000)}Z`;
    case 'duration':
      return `${1 + nextInt(prng, 59)}s`;
    case 'raw-extension':
    case 'fields-v1':
    case 'json':
      return { 'f:a': { b: [1, 'x', null] } };
  }
}

const found = await subjects();
const rounds = 8;

test('there is a kind of every group', () => {
  assert.ok(found.length > 100, String(found.length));
});

test('random objects of every kind mean to protobufjs what they mean to us', () => {
  const prng = new SeededPrng(1936);
  for (const { name, type, judge } of found) {
    for (let round = 0; round < rounds; round++) {
      const object = normalizeObject(type, randomMessage(type, prng, 0));
      const bytes = encodeProtobuf(type, object);
      const again = judge.encode(judge.decode(bytes)).finish();
      const ours = decodeProtobuf(type, bytes);
      assert.deepEqual(decodeProtobuf(type, again), ours, name);
      // Nothing was unknown to it, or it would be missing from what it wrote.
      assert.deepEqual(encodeProtobuf(type, ours), bytes, name);
      assert.equal(again.length, bytes.length, name);
    }
  }
});
