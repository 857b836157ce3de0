import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Decoded, DecodeError, decodeObject, parseJson } from './decode.ts';
import { refuseInexact } from './number-literals.ts';
import type { JsonObject } from './object.ts';
import { builtinSchema } from './schema/load.ts';
import { parseYaml } from './yaml.ts';

function decoded(group: string, kind: string, source: string, parse = parseJson): Decoded {
  const type = builtinSchema().kind({ group, version: 'v1', kind });
  assert.ok(type);
  return decodeObject(type, parse(source).value);
}

const refusal = (message: string) => ({ name: 'DecodeError', message });

describe('numbers as they are written', () => {
  const replicas = (number: string, parse = parseJson): unknown =>
    (decoded('apps', 'Deployment', `{"spec": {"replicas": ${number}}}`, parse).object['spec'] as JsonObject)[
      'replicas'
    ];

  test('an integer with a fraction or an exponent is none, in the words of Go', () => {
    for (const number of ['1.0', '1e3', '1.50', '-0.0', '2147483648', '99999999999999999999']) {
      const into = 'Go struct field DeploymentSpec.spec.replicas of type int32';
      assert.throws(() => replicas(number), refusal(`json: cannot unmarshal number ${number} into ${into}`), number);
    }
    assert.equal(Object.is(replicas('-0'), 0), true);
    assert.equal(replicas('2147483647'), 2147483647);
  });

  test('in YAML, also where it is JSON, they are what they amount to', () => {
    for (const [number, value] of [
      ['1.0', 1],
      ['1e3', 1000],
      ['-0.0', 0],
      ['0x10', 16],
    ] as const) {
      assert.equal(Object.is(replicas(number, parseYaml), value), true, number);
    }
    const block = parseYaml('spec:\n  replicas: 1.0\n').value;
    assert.deepEqual(block, { spec: { replicas: 1 } });
  });

  test('an int-or-string takes no fraction either', () => {
    const service = '{"spec": {"ports": [{"port": 1, "targetPort": 80.0}]}}';
    assert.throws(
      () => decoded('', 'Service', service),
      /cannot unmarshal number 80\.0 into .*targetPort of type int32/,
    );
  });

  test('a quantity keeps its notation', () => {
    const capacity = (number: string): unknown =>
      (decoded('', 'Node', `{"status": {"capacity": {"a": ${number}}}}`).object['status'] as JsonObject)['capacity'];
    assert.deepEqual(capacity('1e3'), { a: '1e3' });
    assert.deepEqual(capacity('1.0'), { a: '1' });
    assert.deepEqual(capacity('1.5'), { a: '1500m' });
    assert.deepEqual(capacity('9007199254740993'), { a: '9007199254740993' });
  });

  test('an integer that would lose digits is refused, wherever it stands', () => {
    const large = '9007199254740993';
    const kept = 'integers are kept up to 9007199254740991';
    for (const parse of [parseJson, parseYaml]) {
      const revision = `{"revision": ${large}}`;
      const into = 'Go struct field ControllerRevision.revision of type int64';
      const message = `json: cannot unmarshal number ${large} into ${into}: ${kept}`;
      assert.throws(() => decoded('apps', 'ControllerRevision', revision, parse), refusal(message));
      const raw = `{"data": {"a": [1, {"b": -9223372036854775808}]}}`;
      const lost = `json: the integer -9223372036854775808 would lose digits: ${kept}`;
      assert.throws(() => decoded('apps', 'ControllerRevision', raw, parse), refusal(lost));
    }
    const block = `data:\n  a:\n  - 1\n  - ${large}\n`;
    assert.throws(() => decoded('apps', 'ControllerRevision', block, parseYaml), /would lose digits/);
  });

  test('where Go would round as well, numbers are rounded', () => {
    const schema = '{"spec": {"versions": [{"schema": {"openAPIV3Schema": {"maximum": 9223372036854775807}}}]}}';
    assert.doesNotThrow(() => decoded('apiextensions.k8s.io', 'CustomResourceDefinition', schema));
    assert.deepEqual(decoded('apps', 'ControllerRevision', '{"data": {"a": 99999999999999999999}}').object['data'], {
      a: 1e20,
    });
    assert.deepEqual(
      decoded('apps', 'ControllerRevision', '{"data": {"a": 0.10, "b": 10000000000000000}}').object['data'],
      {
        a: 0.1,
        b: 1e16,
      },
    );
  });

  test('text that looks like such a number is none', () => {
    const data = '{"data": {"a": "x,1.0", "b": ":9007199254740993", "c": "\\":9007199254740993"}}';
    assert.doesNotThrow(() => refuseInexact(parseJson(data).value));
  });

  test('a patch has no types: an integer that would lose digits is refused in it', () => {
    assert.throws(() => refuseInexact(parseJson('[{"value": [9007199254740993]}]').value), DecodeError);
    assert.doesNotThrow(() => refuseInexact(parseJson('[{"value": [9007199254740991, 1.0]}]').value));
  });
});
