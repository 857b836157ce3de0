import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnveloped } from '../api/protobuf/envelope.ts';
import { StatusError } from '../api/status-error.ts';
import type { Encoding } from './negotiation.ts';
import { parseObjectBody, parseOptionsBody, parsePatch } from './request-body.ts';

const pod = { kind: 'Pod', apiVersion: 'v1' };
const unrecognized = 'the object provided is unrecognized (must be of type Pod): ';
const interpreting = "couldn't get version/kind; json parse error: ";

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof StatusError);
    assert.deepEqual([error.code, error.reason], [400, 'BadRequest']);
    return error.message;
  }
  return 'none';
}

const refusalOf = (body: string | Buffer, encoding: Encoding = 'json'): string =>
  refusal(() => parseObjectBody(Buffer.from(body), encoding, pod));

test('a body that is no JSON is shown by its beginning: as text from a brace on, else as bytes', () => {
  const cases = [
    ['{"a', `unexpected end of JSON input ({"a)`],
    ['', 'unexpected end of JSON input (<empty>)'],
    ['nope', "invalid character 'o' in literal null (expecting 'u') (6e6f7065)"],
    [' {', 'unexpected end of JSON input (207b)'],
    [
      `{"metadata":{"name":"abcdefghijklmnop",}}`,
      `invalid character '}' looking for beginning of object key string ({"metadata":{"name":"abcdefghi ...)`,
    ],
    [
      '[123456789012345678901234567890',
      `unexpected end of JSON input (${Buffer.from('[12345678901234567890123456789').toString('hex')} ...)`,
    ],
  ];
  for (const [body = '', why = ''] of cases) assert.equal(refusalOf(body), `${unrecognized}${interpreting}${why}`);
});

test('what tells the kind has to be text, in an object', () => {
  const cannot = `${unrecognized}${interpreting}json: cannot unmarshal`;
  assert.equal(refusalOf('{"kind":1}'), `${cannot} number into Go struct field .kind of type string ({"kind":1})`);
  assert.equal(
    refusalOf('apiVersion: []', 'yaml'),
    `${cannot} array into Go struct field .apiVersion of type string (61706956657273696f6e3a205b5d)`,
  );
  const struct =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  assert.equal(refusalOf('[]'), `${cannot} array into Go value of type ${struct} (5b5d)`);
  assert.equal(refusalOf('"a"', 'yaml'), `${cannot} string into Go value of type ${struct} (226122)`);
  assert.equal(
    refusalOf('{"apiVersion":"a/b/c"}'),
    `${unrecognized}unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})`,
  );
});

test('nothing, and null, is an object with nothing in it', () => {
  for (const [body, encoding] of [
    ['null', 'json'],
    ['', 'yaml'],
    ['{"kind":null}', 'json'],
  ] as const) {
    const { value } = parseObjectBody(Buffer.from(body), encoding, pod);
    assert.equal(value['metadata'], undefined);
  }
});

test('of protobuf, the envelope is unrecognized, and its message cannot be handled', () => {
  assert.equal(refusalOf('', 'protobuf'), `${unrecognized}empty data (<empty>)`);
  assert.equal(
    refusalOf('{}', 'protobuf'),
    `${unrecognized}provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})`,
  );
  const secretObject = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'a' } };
  const secret = encodeEnveloped(secretObject);
  assert.ok(secret);
  const broken = Buffer.from(secret);
  broken[broken.indexOf('a', broken.indexOf('Secret') + 6) - 1] = 0x7f;
  assert.match(refusalOf(broken, 'protobuf'), /^Secret in version "v1" cannot be handled as a Pod: unexpected EOF/);
});

test('options and patches have no kind to be told by', () => {
  const options = { kind: 'DeleteOptions', apiVersion: 'v1' };
  assert.equal(
    refusal(() => parseOptionsBody(Buffer.from('{'), 'json', options)),
    `${interpreting}unexpected end of JSON input`,
  );
  assert.equal(
    refusal(() => parsePatch(Buffer.from('{'))),
    'error decoding patch: unexpected end of JSON input',
  );
  assert.match(
    refusal(() => parsePatch(Buffer.from('{"a":9007199254740993}'))),
    /would lose digits/,
  );
});
