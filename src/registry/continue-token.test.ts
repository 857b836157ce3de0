import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContinue, encodeContinue, startAfter } from './continue-token.ts';

const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

test('a token has the form of upstream, and comes back as it was', () => {
  const start = startAfter({ namespace: 'ns', name: 'c' });
  const token = encodeContinue({ revision: 40, start }, true);
  assert.deepEqual(JSON.parse(Buffer.from(token, 'base64url').toString()), {
    v: 'meta.k8s.io/v1',
    rv: 40,
    start: 'ns/c\0',
  });
  assert.deepEqual(decodeContinue(token, true), { revision: 40, start });
  const cluster = { revision: -1, start: startAfter({ namespace: '', name: 'c' }) };
  assert.deepEqual(decodeContinue(encodeContinue(cluster, false), false), cluster);
});

test("what is no token is refused in upstream's words", () => {
  const v = 'meta.k8s.io/v1';
  const refused: readonly (readonly [string, string | RegExp])[] = [
    ['%', 'illegal base64 data at input byte 0'],
    ['abcd=', 'illegal base64 data at input byte 4'],
    ['abcde', 'illegal base64 data at input byte 4'],
    [encoded('garbage'), /^invalid character 'g' looking for beginning of value/],
    [encoded('[]'), 'json: cannot unmarshal the token into Go value of type storage.continueToken'],
    [encoded({ v: 'v9', rv: 1, start: 'a/b' }), 'server does not recognize this encoded version v9'],
    [encoded({ v, start: 'a/b' }), `incorrect encoded start resourceVersion (version ${v})`],
    [encoded({ v, rv: 1 }), `encoded start key empty (version ${v})`],
    [encoded({ v, rv: 1, start: '../b' }), '../b'],
    [encoded({ v, rv: 1, start: 'a//b' }), 'a//b'],
    [encoded({ v, rv: 1, start: 'a/' }), 'a/'],
  ];
  const prefix = 'invalid continue token: continue key is not valid: ';
  for (const [token, why] of refused) {
    assert.throws(
      () => decodeContinue(token, true),
      (error: Error & { reason?: string }) => {
        assert.ok(error.message.startsWith(prefix), error.message);
        const rest = error.message.slice(prefix.length);
        if (typeof why === 'string') assert.equal(rest, why);
        else assert.match(rest, why);
        return error.reason === 'BadRequest';
      },
    );
  }
});
