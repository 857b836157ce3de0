import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../api/status-error.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import {
  type Authentication,
  absent,
  authenticate,
  type ClientCertificate,
  type Credentials,
  refused,
  type TokenAuthenticator,
  withAuthenticatedGroup,
} from './authentication.ts';
import { authenticatorsOf } from './authenticators.ts';
import { forAudiences, TokenUnion } from './token-authenticators.ts';

const clock = new VirtualClock();

const tokensOf = (answers: Readonly<Record<string, Authentication>>): TokenAuthenticator => ({
  authenticateToken: (token) => answers[token] ?? absent,
});

const certificate = (more: Partial<ClientCertificate> = {}): ClientCertificate => ({
  trusted: true,
  commonName: 'ann',
  organizations: ['dev'],
  notAfterMs: clock.now() + 1000,
  ...more,
});

const bob: Authentication = { kind: 'user', user: { name: 'bob', groups: ['ops'] } };

const list = authenticatorsOf(clock, new TokenUnion(['api'], [tokensOf({ good: bob, bad: refused('it is worn') })]));

/** `name [groups]`, or the code and what was told. */
async function who(credentials: Partial<Credentials>, authenticators = list): Promise<string> {
  let told = '';
  try {
    const { name, groups } = await authenticate(
      authenticators,
      { certificate: undefined, headers: {}, ...credentials },
      (why) => {
        told = why;
      },
    );
    return `${name} ${groups.join(',')}`;
  } catch (error) {
    return error instanceof StatusError ? `${error.code} ${told}` : String(error);
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('a good certificate or a good token is enough, whatever else is shown', async () => {
  const ann = 'ann dev,system:authenticated';
  const byToken = 'bob ops,system:authenticated';
  assert.equal(await who({ certificate: certificate() }), ann);
  assert.equal(await who({ headers: bearer('good') }), byToken);
  assert.equal(await who({ certificate: certificate(), headers: bearer('bad') }), ann);
  assert.equal(await who({ certificate: certificate({ trusted: false }), headers: bearer('good') }), byToken);
});

test('who shows nothing is anonymous, and who shows something bad is nobody', async () => {
  assert.equal(await who({}), 'system:anonymous system:unauthenticated');
  assert.equal(await who({ headers: bearer('unknown') }), '401 invalid bearer token');
  assert.equal(await who({ headers: bearer('bad') }), '401 [invalid bearer token, it is worn]');
  assert.equal(
    await who({ certificate: certificate({ notAfterMs: 0 }), headers: bearer('bad') }),
    '401 [certificate has expired, [invalid bearer token, it is worn]]',
  );
  assert.equal(await who({ headers: bearer('x'.repeat(limits.bearerTokenBytesMax + 1)) }), '401 invalid bearer token');
});

test('anonymous requests are let in where the policy says so', async () => {
  const withPolicy = (enabled: boolean, ...paths: string[]) =>
    authenticatorsOf(clock, undefined, { enabled, paths: new Set(paths) });
  assert.equal(await who({ path: '/livez' }, withPolicy(false)), '401 no credentials were shown');
  const some = withPolicy(true, '/livez');
  assert.equal(await who({ path: '/livez' }, some), 'system:anonymous system:unauthenticated');
  for (const path of ['/livez/ping', '/api', '']) assert.match(await who({ path }, some), /^401/);
});

test('the header is read as upstream reads it', async () => {
  const outcomes: Readonly<Record<string, RegExp>> = {
    'bearer good': /^bob/,
    '  Bearer good ': /^bob/,
    'Bearer good more': /^bob/,
    'Bearer  good': /^system:anonymous/,
    Bearer: /^system:anonymous/,
    'Basic good': /^system:anonymous/,
    '': /^system:anonymous/,
  };
  for (const [authorization, outcome] of Object.entries(outcomes))
    assert.match(await who({ headers: { authorization } }), outcome, authorization);
  const warnings: string[] = [];
  const notes = { warn: (text: string) => void warnings.push(text), annotate: () => {} };
  await who({ headers: { authorization: 'Bearer  good' }, notes });
  assert.deepEqual(warnings, [
    'the provided Authorization header contains extra space before the bearer token, and is ignored',
  ]);
});

test('a WebSocket may bring its token as a protocol beside another', async () => {
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  const encoded = (token: string): string => prefix + Buffer.from(token).toString('base64url');
  const ask = (protocols: string, more: object = {}) =>
    who({
      headers: {
        upgrade: 'WebSocket',
        connection: 'keep-alive, Upgrade',
        'sec-websocket-protocol': protocols,
        ...more,
      },
    });
  assert.match(await ask(`v5.channel.k8s.io, ${encoded('good')}`), /^bob/);
  assert.equal(await ask(`a,${encoded('bad')}`), '401 [invalid bearer token, it is worn]');
  assert.equal(await ask(encoded('good')), '401 missing additional subprotocol');
  const several = '401 multiple base64.bearer.authorization tokens specified';
  assert.equal(await ask(`a, ${encoded('good')}, ${encoded('good')}`), several);
  assert.equal(await ask(`a, ${prefix}@@`), '401 invalid base64.bearer.authorization token encoding');
  assert.equal(await ask(`a, ${prefix}Z29vZA==`), '401 invalid base64.bearer.authorization token encoding');
  assert.equal(await ask(`a, ${prefix}_w`), '401 invalid base64.bearer.authorization token');
  assert.match(await ask(`a, ${prefix}`), /^system:anonymous/);
  assert.match(await ask(`a, ${encoded('good')}`, { upgrade: 'spdy/3.1' }), /^system:anonymous/);
  assert.match(await ask(`a, ${encoded('good')}`, { connection: 'keep-alive' }), /^system:anonymous/);
  assert.match(await ask(`a, ${encoded('good')}`, bearer('bad')), /^bob/);
});

test('everybody who is somebody is authenticated, once', () => {
  const groupsOf = (name: string, groups: string[]) => withAuthenticatedGroup({ name, groups }).groups;
  assert.deepEqual(groupsOf('ann', ['a']), ['a', 'system:authenticated']);
  assert.deepEqual(groupsOf('ann', ['system:authenticated']), ['system:authenticated']);
  assert.deepEqual(groupsOf('ann', ['system:unauthenticated']), ['system:unauthenticated']);
  assert.deepEqual(groupsOf('system:anonymous', []), []);
});

test('tokens that name no audience are for this API alone', async () => {
  const tokens = forAudiences(['api', 'other'], tokensOf({ good: bob }));
  assert.deepEqual(await tokens.authenticateToken('good', ['api', 'x']), { ...bob, audiences: ['api'] });
  assert.deepEqual(await tokens.authenticateToken('good', ['x']), absent);
});
