/**
 * Upstream's own samples, one for each kind with every field filled in, through our tables: nothing may be unknown, lost or
 * moved. They come from Debian, so this needs a network once.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeObject, parseJson } from '../../src/api/decode.ts';
import { normalizeObject } from '../../src/api/normalize.ts';
import type { JsonObject } from '../../src/api/object.ts';
import { builtinSchema } from '../../src/api/schema/load.ts';
import type { MessageType } from '../../src/api/schema/schema.ts';
import { parseYaml, stringifyYaml } from '../../src/api/yaml.ts';
import { fetchDebianPackage } from '../../tools/debian-package.ts';

const cacheDir = join(import.meta.dirname, '../../.cache');
const unpacked = await fetchDebianPackage({ name: 'golang-k8s-api-dev', cacheDir });
const folder = join(unpacked, 'usr/share/gocode/src/k8s.io/api/testdata/HEAD');

interface Sample {
  readonly name: string;
  readonly text: string;
  readonly value: JsonObject;
  readonly type: MessageType;
}

/** `apps.v1.Deployment.json`: a WatchEvent does not name its own kind, so the file's name has to. */
function sample(file: string): Sample {
  const name = file.slice(0, -'.json'.length);
  const [, group = '', version = '', kind = ''] = /^(.*)\.(v[^.]+)\.([^.]+)$/.exec(name) ?? [];
  const type = builtinSchema().kind({ group: group === 'core' ? '' : group, version, kind });
  assert.ok(type, `no table knows ${name}`);
  const text = readFileSync(join(folder, file), 'utf8');
  return { name, text, value: parseJson(text).value as JsonObject, type };
}

const samples = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map(sample);

test('there are samples of all that upstream serves', () => {
  assert.ok(samples.length > 150, String(samples.length));
});

test('no sample has a field that the tables do not know', () => {
  for (const { name, value, type } of samples) assert.deepEqual(decodeObject(type, value).unknownFields, [], name);
});

test('each sample comes out of decoding as it went in, byte for byte', () => {
  for (const { name, text, value, type } of samples) {
    const { object } = decodeObject(type, value);
    assert.equal(JSON.stringify(object, null, 2), text.trimEnd(), name);
    assert.equal(JSON.stringify(normalizeObject(type, object), null, 2), text.trimEnd(), `${name}, normalized`);
  }
});

test('each YAML sample reads as its JSON, and is written back as it was', () => {
  for (const { name, value } of samples) {
    const text = readFileSync(join(folder, `${name}.yaml`), 'utf8');
    const { value: parsed, duplicates } = parseYaml(text);
    assert.deepEqual(parsed, value, name);
    assert.deepEqual(duplicates, [], name);
    assert.equal(stringifyYaml(parsed, { sortKeys: true }), text, name);
  }
});
