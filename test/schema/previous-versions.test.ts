/**
 * What older releases wrote: upstream's samples of three versions before, with fields that came and went. Each has to be readable
 * in every form, and to come out as upstream brings it out today: `*.after_roundtrip.*` where that is not the same.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeObject, parseJson } from '../../src/api/decode.ts';
import { normalizeObject } from '../../src/api/normalize.ts';
import { decodeProtobuf } from '../../src/api/protobuf/decode.ts';
import { encodeProtobuf } from '../../src/api/protobuf/encode.ts';
import { decodeEnveloped, envelop, type ObjectKind, protobufType } from '../../src/api/protobuf/envelope.ts';
import { parseYaml, stringifyYaml } from '../../src/api/yaml.ts';
import { fetchDebianPackage } from '../../tools/debian-package.ts';

const unpacked = await fetchDebianPackage({
  name: 'golang-k8s-api-dev',
  cacheDir: join(import.meta.dirname, '../../.cache'),
});
const testdata = join(unpacked, 'usr/share/gocode/src/k8s.io/api/testdata');
const versions = readdirSync(testdata).filter((folder) => folder.startsWith('v'));

/** Kinds that were removed since: nobody can read them any more, upstream neither. */
const removed =
  /^(autoscaling\.v2beta[12]\.|scheduling\.k8s\.io\.v1alpha1\.|certificates\.k8s\.io\.v1alpha1\.PodCertificateRequest|networking\.k8s\.io\.v1alpha1\.|resource\.k8s\.io\.v1alpha3\.(DeviceClass|ResourceClaim|ResourceClaimTemplate|ResourceSlice)\.)/;

interface Sample {
  readonly name: string;
  readonly kind: ObjectKind;
  read(form: 'json' | 'yaml' | 'pb', after?: boolean): Buffer;
}

function samplesOf(version: string): Sample[] {
  const folder = join(testdata, version);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && !file.includes('after_roundtrip') && !removed.test(file))
    .map((file) => {
      const name = file.slice(0, -'.json'.length);
      const [, group = '', groupVersion = '', kind = ''] = /^(.*)\.(v[^.]+)\.([^.]+)$/.exec(name) ?? [];
      const apiVersion = group === 'core' ? groupVersion : `${group}/${groupVersion}`;
      const path = (form: string): string => join(folder, `${name}.${form}`);
      const read: Sample['read'] = (form, after = false) => {
        const changed = path(`after_roundtrip.${form}`);
        return readFileSync(after && existsSync(changed) ? changed : path(form));
      };
      return { name: `${version} ${name}`, kind: { apiVersion, kind }, read };
    });
}

const samples = versions.flatMap(samplesOf);

/** A WatchEvent names no kind, neither in its envelope nor in JSON. */
const named = ({ kind }: Sample): ObjectKind => (kind.kind === 'WatchEvent' ? { apiVersion: '', kind: '' } : kind);

function typeOf({ kind, name }: Sample) {
  const type = protobufType(kind);
  assert.ok(type, `no table knows ${name}`);
  return type;
}

/** A field that is always there and that nobody set: empty here where Go prints null (`api/normalize.ts`). */
const asNull = (text: string): string => text.replace(/^( *"?stubPKCS10Request"?): ""(,?)$/m, '$1: null$2');

test('there are samples of three older versions, some of which do not come out as they went in', () => {
  assert.ok(versions.length >= 3 && samples.length > 500, `${versions.join(' ')}: ${samples.length}`);
  const changed = samples.filter((each) => !each.read('json').equals(each.read('json', true)));
  assert.ok(changed.length > 10, String(changed.length));
});

test('JSON comes out as upstream brings it out', () => {
  for (const each of samples) {
    const type = typeOf(each);
    const { object } = decodeObject(type, parseJson(each.read('json')).value);
    const printed = JSON.stringify(normalizeObject(type, object), null, 2);
    assert.equal(asNull(printed), each.read('json', true).toString().trimEnd(), each.name);
  }
});

test('YAML comes out as upstream brings it out', () => {
  for (const each of samples) {
    const type = typeOf(each);
    const { object } = decodeObject(type, parseYaml(each.read('yaml')).value);
    const printed = stringifyYaml(normalizeObject(type, object), { sortKeys: true });
    assert.equal(asNull(printed), each.read('yaml', true).toString(), each.name);
  }
});

test('protobuf comes out as upstream brings it out, byte for byte', () => {
  for (const each of samples) {
    const type = typeOf(each);
    const { kind: _kind, apiVersion: _version, ...decoded } = decodeEnveloped(each.read('pb'), each.kind);
    const message = encodeProtobuf(type, { ...decoded, ...named(each) });
    const { head, tail } = envelop(named(each), message.length);
    assert.equal(
      Buffer.concat([head, message, tail]).toString('hex'),
      each.read('pb', true).toString('hex'),
      each.name,
    );
    assert.deepEqual(encodeProtobuf(type, decodeProtobuf(type, message)), message, each.name);
  }
});
