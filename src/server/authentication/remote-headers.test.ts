import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { remoteHeaderPairs, remoteUser } from './remote-headers.ts';
import { RequestHeaderAuthenticator } from './request-header-authenticator.ts';

test('whom a request is from is read as it was written', () => {
  const users = [
    { name: 'jane', groups: ['people', 'people, of all kinds', 'größe'] },
    {
      name: 'system:serviceaccount:a:b',
      uid: '12-3',
      groups: [],
      extra: { 'acme.com/project%': ['a', 'ü'], Upper: ['x'] },
    },
  ];
  for (const user of users) {
    const headers: Record<string, string[]> = {};
    for (const [name, value] of remoteHeaderPairs(user)) {
      assert.match(name, /^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/);
      assert.match(value, /^[\t\x20-\x7e\x80-\xff]*$/);
      headers[name.toLowerCase()] = [...(headers[name.toLowerCase()] ?? []), value];
    }
    const { extra, ...rest } = remoteUser(headers) ?? { name: '', groups: [] };
    const { extra: wanted = {}, ...others } = user as {
      name: string;
      groups: string[];
      extra?: Record<string, string[]>;
    };
    assert.deepEqual(rest, others);
    const lower = Object.entries(wanted).map(([key, values]) => [key.toLowerCase(), values]);
    assert.deepEqual(extra ?? {}, Object.fromEntries(lower), 'names of headers have no case');
  }
});

test('no line of a name can become a header of its own', () => {
  const pairs = remoteHeaderPairs({ name: 'a\r\nX-Remote-Group: system:masters', groups: ['b\0c'] });
  assert.deepEqual(pairs, [
    ['X-Remote-User', 'a  X-Remote-Group: system:masters'],
    ['X-Remote-Group', 'b c'],
  ]);
});

test('headers count beside a front proxy’s certificate alone', () => {
  const clock = new VirtualClock(1_000);
  const authenticator = new RequestHeaderAuthenticator(clock);
  const certificate = {
    trusted: false,
    isFrontProxy: true,
    commonName: 'front-proxy-client',
    organizations: ['system:masters'],
    notAfterMs: 2_000,
  };
  const headers = { 'x-remote-user': ['jane'], 'x-remote-group': ['a, b', 'c'] } as never;
  const asks = (shown: object | undefined, said = headers) =>
    authenticator.authenticate({ certificate: shown as never, headers: said });
  assert.deepEqual(asks(certificate), {
    kind: 'user',
    user: { name: 'jane', groups: ['a, b', 'c', 'system:authenticated'] },
  });
  assert.equal(asks(undefined).kind, 'absent');
  assert.equal(asks({ ...certificate, isFrontProxy: undefined, trusted: true }).kind, 'absent');
  assert.equal(asks(certificate, {} as never).kind, 'absent');
  assert.equal(asks({ ...certificate, notAfterMs: 500 }).kind, 'refused');
  assert.deepEqual(asks({ ...certificate, commonName: 'somebody' }), {
    kind: 'refused',
    why: 'x509: subject with cn=somebody is not in the allowed list',
  });
});
