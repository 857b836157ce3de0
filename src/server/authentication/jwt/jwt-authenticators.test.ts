import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type JWTPayload, SignJWT } from 'jose';
import { RealClock, VirtualClock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import { JsonLogger, silentLogger } from '../../../lib/log.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import type { Authentication } from '../authentication.ts';
import { JwtAuthenticators } from './jwt-authenticators.ts';
import { TestIssuer } from './testing.ts';

/** What a cluster's administrator writes. */
function configuration({ url, ca }: TestIssuer, more = ''): string {
  return `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: ${url}
    audiences: [naru, other]
    audienceMatchPolicy: MatchAny
    certificateAuthority: |
${ca.replace(/^/gm, '      ')}
  claimValidationRules:
  - expression: "claims.?email_verified.orValue(true) == true"
    message: the address must be verified
  claimMappings:
    username: { expression: "'oidc:' + claims.sub" }
    groups: { claim: groups, prefix: "oidc:" }
    extra:
    - { key: example.com/team, valueExpression: "claims.?team.orValue('')" }
  userValidationRules:
  - expression: "user.groups.all(group, !group.startsWith('system:'))"
    message: groups of the system are not for outsiders
${more}`;
}

async function world(context: TestContext, text: (issuer: TestIssuer) => string = configuration) {
  const issuer = await TestIssuer.start();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-jwt-'));
  const file = path.join(folder, 'authentication.yaml');
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = new JsonLogger({ clock, write: (line) => void lines.push(line) });
  writeFileSync(file, text(issuer));
  const metrics = new MetricRegistry();
  const authenticators = new JwtAuthenticators({ file, disallowedIssuers: [], clock, log, metrics });
  await authenticators.start();
  context.after(async () => {
    await authenticators.close();
    await issuer.close();
    rmSync(folder, { recursive: true });
  });
  const shows = (token: string) => authenticators.authenticateToken(token, ['api']);
  /** Until the issuer was found, or the log says so much. */
  const logged = (what: RegExp) => until(() => lines.some((line) => what.test(line)), clock);
  return { metrics, issuer, file, clock, lines, authenticators, shows, logged, nowMs: () => clock.now() };
}

/** Real time passes for sockets, virtual time for whoever sleeps. */
async function until(condition: () => boolean, clock: VirtualClock, stepMs = 0): Promise<void> {
  const real = new RealClock({ keepsAlive: true });
  for (let round = 0; round < 500; round++) {
    if (condition()) return;
    await clock.advance(stepMs);
    await real.sleep(5);
  }
  assert.fail('it did not come about');
}

const found = /issuer of tokens found/;
const whyOf = (outcome: Authentication): string => (outcome.kind === 'refused' ? outcome.why : JSON.stringify(outcome));

test('a token of the issuer is whom the configuration makes of it', async (context) => {
  const { issuer, shows, logged, nowMs, file, clock } = await world(context);
  await issuer.addKey('k1');
  // One that has not begun to look for its issuer.
  const early = new JwtAuthenticators({ file, disallowedIssuers: [], clock, log: silentLogger, metrics: undefined });
  const refused = await early.authenticateToken(await issuer.token({ sub: 'x' }, nowMs()), ['api']);
  assert.equal(whyOf(refused), 'oidc: authenticator not initialized');
  await logged(found);
  const token = await issuer.token({ sub: 'ann', groups: ['dev'], team: 'blue', aud: ['x', 'other'] }, nowMs());
  assert.deepEqual(await shows(token), {
    kind: 'user',
    user: { name: 'oidc:ann', groups: ['oidc:dev'], extra: { 'example.com/team': ['blue'] } },
  });
  await shows(token);
  assert.deepEqual(issuer.requests, ['/.well-known/openid-configuration', '/keys']);
  const { kind } = await shows(await issuer.token({ sub: 'ann', iss: 'https://elsewhere.example' }, nowMs()));
  assert.equal(kind, 'absent');
  for (const other of ['', 'a.b', 'a.b.c', '{}', '..']) assert.equal((await shows(other)).kind, 'absent');
  const unverified = await issuer.token({ sub: 'ann', email_verified: false }, nowMs());
  assert.match(whyOf(await shows(unverified)), /failed: the address must be verified$/);
});

test('all that upstream takes signs, and nothing else', async (context) => {
  const { issuer, shows, logged, nowMs, clock } = await world(context);
  await logged(found);
  for (const algorithm of ['ES256', 'ES384', 'ES512', 'RS256', 'RS512', 'PS256', 'PS384']) {
    await issuer.addKey(algorithm, algorithm, true);
    await clock.advance(limits.keySetMsMin);
    const outcome = await shows(await issuer.token({ sub: algorithm }, nowMs()));
    assert.equal(outcome.kind, 'user', `${algorithm}: ${whyOf(outcome)}`);
  }
  const claims = { sub: 'ann', iss: issuer.url, aud: 'naru', exp: nowMs() / 1000 + 60 };
  const shared = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('x'.repeat(32)));
  assert.match(whyOf(await shows(shared)), /^oidc: verify token: oidc: id token signed with unsupported algorithm/);
  const [, payload] = shared.split('.');
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  assert.match(whyOf(await shows(unsigned)), /unsupported algorithm.* got "none"$/);
});

test('a token that is forged, worn, early or for somebody else is refused, with the reason', async (context) => {
  const { issuer, shows, logged, nowMs } = await world(context);
  await issuer.addKey('k1');
  await logged(found);
  const why = async (claims: JWTPayload, key = issuer.keys[0]) =>
    whyOf(await shows(await issuer.token(claims, nowMs(), key)));
  const seconds = nowMs() / 1000;
  assert.equal(
    await why({ sub: 'ann', exp: seconds - 1 }),
    'oidc: verify token: oidc: token is expired (Token Expiry: 2025-12-31 23:59:59 +0000 UTC)',
  );
  assert.match(
    await why({ sub: 'ann', nbf: seconds + 301 }),
    /before the nbf \(not before\) time: 2026-01-01 00:05:01/,
  );
  assert.match(await why({ sub: 'ann', nbf: seconds + 299 }), /"oidc:ann"/);
  assert.equal(
    await why({ sub: 'ann', aud: 'else' }),
    'oidc: verify token: oidc: expected audience in ["naru" "other"] got ["else"]',
  );
  const stranger = await TestIssuer.start();
  await stranger.addKey('k1');
  const forged = await stranger.token({ sub: 'ann', iss: issuer.url }, nowMs());
  await stranger.close();
  assert.match(whyOf(await shows(forged)), /^oidc: verify token: failed to verify signature/);
  assert.doesNotMatch(whyOf(await shows(forged)), new RegExp(forged.split('.')[2] ?? ''));
  assert.match(await why({ sub: 'ann', groups: ['a'] }), /"oidc:ann"/);
});

test('a new key of the issuer is found, and inventing keys does not make anybody ask for more', async (context) => {
  const { issuer, shows, logged, nowMs, clock } = await world(context);
  await issuer.addKey('k1');
  await logged(found);
  await shows(await issuer.token({ sub: 'ann' }, nowMs()));
  const asked = (): number => issuer.requests.filter((each) => each === '/keys').length;
  assert.equal(asked(), 1);
  await issuer.addKey('k2');
  const early = await issuer.token({ sub: 'ann' }, nowMs());
  assert.equal((await shows(early)).kind, 'refused');
  assert.equal(asked(), 1);
  await clock.advance(limits.keySetMsMin);
  assert.equal((await shows(early)).kind, 'user');
  assert.equal(asked(), 2);
  const stranger = await TestIssuer.start();
  for (let round = 0; round < 5; round++) {
    await stranger.addKey(`invented-${round}`);
    await shows(await stranger.token({ sub: 'ann', iss: issuer.url }, nowMs()));
  }
  await stranger.close();
  assert.equal(asked(), 2);
});

test('of several keys without names, the right one is found', async (context) => {
  const { issuer, shows, logged, nowMs } = await world(context);
  for (let count = 0; count < 3; count++) await issuer.addKey('');
  await logged(found);
  for (const key of issuer.keys) {
    const outcome = await shows(await issuer.token({ sub: 'ann' }, nowMs(), key));
    assert.equal(outcome.kind, 'user', whyOf(outcome));
  }
});

test('an issuer that does not answer well is asked again', async (context) => {
  const { issuer, clock, logged, lines, authenticators } = await world(context, (made) => {
    made.override = () => ({ status: 302, body: '', location: 'http://127.0.0.1/' });
    return configuration(made);
  });
  await logged(/redirects to an address that is not HTTPS/);
  issuer.override = () => ({ status: 200, body: 'x'.repeat(limits.outsideAnswerBytesMax + 1) });
  await clock.advance(10_000);
  await logged(/the answer has more than/);
  issuer.override = undefined;
  issuer.issuer = 'https://somebody.else';
  await clock.advance(10_000);
  await logged(/issuer did not match the issuer returned by provider/);
  issuer.issuer = undefined;
  await clock.advance(10_000);
  await logged(found);
  assert.equal((await authenticators.authenticateToken('a.b.c', ['api'])).kind, 'absent');
  assert.equal(lines.filter((line) => found.test(line)).length, 1);
});

test('discovery may be elsewhere, and redirects to HTTPS are followed', async (context) => {
  const elsewhere = (issuer: TestIssuer): string =>
    configuration(issuer).replace('audiences:', `discoveryURL: ${issuer.url}/elsewhere\n    audiences:`);
  const { issuer, logged, shows, nowMs } = await world(context, elsewhere);
  const document = { issuer: issuer.url, jwks_uri: `${issuer.url}/moved` };
  issuer.override = (requestPath) => {
    if (requestPath === '/elsewhere') return { status: 200, body: JSON.stringify(document) };
    return requestPath === '/moved' ? { status: 307, body: '', location: '/keys' } : undefined;
  };
  await issuer.addKey('k1');
  await logged(found);
  assert.equal((await shows(await issuer.token({ sub: 'ann' }, nowMs()))).kind, 'user');
  assert.deepEqual(issuer.requests, ['/elsewhere', '/moved', '/keys']);
});

/** In one step: who reads it meanwhile must not find half of it. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

test('a file that changes is read again, and a bad one leaves what was', async (context) => {
  const { issuer, file, clock, logged, shows, nowMs, lines, metrics } = await world(context);
  await issuer.addKey('k1');
  await logged(found);
  const nameOf = async () => {
    const outcome = await shows(await issuer.token({ sub: 'ann', jti: String(lines.length) }, nowMs()));
    return outcome.kind === 'user' ? outcome.user.name : outcome.kind;
  };
  assert.equal(await nameOf(), 'oidc:ann');
  replaceFile(file, configuration(issuer).replace("'oidc:' +", "'new:' +"));
  await clock.advance(2_000);
  await until(() => lines.some((line) => /configuration reloaded/.test(line)), clock, 100);
  assert.equal(await nameOf(), 'new:ann');
  replaceFile(file, configuration(issuer).replace("'oidc:' +", "'worse:' *"));
  await clock.advance(2_000);
  await logged(/was not reloaded.*compilation failed/);
  replaceFile(file, configuration(issuer, 'anonymous: { enabled: true }\n'));
  await clock.advance(2_000);
  await logged(/was not reloaded.*changed from initial configuration file/);
  assert.equal(await nameOf(), 'new:ann');
  const told = lines.length;
  await clock.advance(20_000);
  assert.equal(lines.length, told, 'what is wrong is told once');
  replaceFile(file, 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n');
  await clock.advance(2_000);
  await until(() => lines.filter((line) => /configuration reloaded/.test(line)).length === 2, clock, 100);
  assert.equal(await nameOf(), 'absent');
  const text = metrics.text();
  assert.match(text, /automatic_reloads_total\{status="success"\} 2\n/);
  assert.match(text, /automatic_reloads_total\{status="failure"\} 2\n/);
  assert.match(text, /latency_seconds_count\{result="success",jwt_issuer_hash="sha256:[0-9a-f]{64}"\} 3\n/);
});

test('a new issuer that does not answer leaves the set that was', async (context) => {
  const { issuer, file, clock, logged, shows, nowMs } = await world(context);
  await issuer.addKey('k1');
  await logged(found);
  replaceFile(file, configuration(issuer).replaceAll(issuer.url, 'https://127.0.0.1:1'));
  await clock.advance(2_000);
  await logged(/cannot be used yet/);
  await clock.advance(61_000);
  await logged(/was not reloaded.*127\.0\.0\.1:1/);
  assert.equal((await shows(await issuer.token({ sub: 'ann' }, nowMs()))).kind, 'user');
});

test('a file that cannot be used is named at the start, with all that is wrong', (context) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-jwt-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'a.yaml');
  const clock = new VirtualClock();
  const log = new JsonLogger({ clock, write: () => {} });
  const make = () => new JwtAuthenticators({ file, disallowedIssuers: [], clock, log });
  assert.throws(make, /^Error: authentication configuration .*a\.yaml cannot be used: ENOENT/);
  replaceFile(file, 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: [{}]\n');
  assert.throws(
    make,
    /cannot be used: \[jwt\[0\]\.issuer\.url: Required value, jwt\[0\]\.issuer\.audiences: Required value/,
  );
  const anonymous = 'anonymous: { enabled: true, conditions: [{ path: /livez }] }\n';
  replaceFile(file, `apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\n${anonymous}`);
  assert.deepEqual(make().anonymous, { enabled: true, paths: new Set(['/livez']) });
});
