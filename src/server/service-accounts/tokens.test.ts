import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { TokenRequest, TokenReview } from '../../api/schema/types/authentication-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { Registry } from '../../registry/registry.ts';
import type { UserInfo } from '../../registry/request.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { TokenUnion } from '../authentication/token-authenticators.ts';
import { tokenReviews } from '../authentication/token-review.ts';
import { issuerDiscovery } from './discovery.ts';
import { openSigningKeys, passingSigningKeys, readKeyBlocks, SigningKeys } from './signing-key.ts';
import { TokenMetrics } from './token-metrics.ts';
import { tokenRequests } from './token-requests.ts';
import { defaultIssuer, ServiceAccountTokens, type TokenSettings } from './tokens.ts';

const admin: UserInfo = { name: 'admin', groups: ['system:masters'] };

async function world(settings: TokenSettings = {}) {
  const shown: string[] = [];
  const counted = new MetricRegistry();
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock, log: silentLogger });
  await store.start();
  const tokens = new ServiceAccountTokens({
    keys: passingSigningKeys(),
    settings,
    store,
    clock,
    legacyUse: ({ metadata }) => void shown.push(metadata?.name ?? ''),
    metrics: new TokenMetrics(counted),
  });
  const schema = builtinSchema();
  const requests = tokenRequests({ tokens, store, schema, clock, prng: new SeededPrng(1) });
  const reviews = tokenReviews({
    tokens: new TokenUnion(tokens.audiences, [tokens]),
    schema,
  });
  const put = async (collection: string, name: string, object: object = {}, namespace = 'default'): Promise<void> => {
    const key = { collection, namespace: collection === 'nodes' ? '' : namespace, name };
    const expectedRevision = store.get(key)?.revision ?? 0;
    const { metadata, ...rest } = object as KubeObject;
    await store.write({
      kind: 'put',
      key,
      object: { ...rest, metadata: { name, namespace, uid: `uid-${name}`, ...metadata } },
      expectedRevision,
    });
  };
  await put('serviceaccounts', 'bot');
  await put('nodes', 'n1');
  await put('secrets', 'key');
  await put('pods', 'web', { spec: { serviceAccountName: 'bot', nodeName: 'n1', containers: [] } });
  const remove = async (collection: string, name: string): Promise<void> => {
    const key = { collection, namespace: collection === 'nodes' ? '' : 'default', name };
    await store.write({ kind: 'delete', key, expectedRevision: store.get(key)?.revision ?? 0 });
  };
  const info = (group: string, resource: string) =>
    resourceTable().find(group, 'v1', resource) ?? assert.fail(resource);
  const audit: Record<string, string> = {};
  const annotate = (key: string, value: string): void => void (audit[key] = value);
  const request = async (spec: object = {}, name = 'bot', metadata: object = {}): Promise<TokenRequest> => {
    const resource = info('', 'serviceaccounts');
    const target = { user: admin, resource, namespace: 'default', name, subresource: 'token' };
    return (await requests.create(target, { metadata, spec } as never, { annotate })).object;
  };
  const review = async (token: string, audiences: readonly string[] = []) => {
    const resource = info('authentication.k8s.io', 'tokenreviews');
    const target = { user: admin, resource, namespace: '', name: '', subresource: '' };
    return ((await reviews.create(target, { spec: { token, audiences } } as never, {})).object as TokenReview).status;
  };
  const authenticate = (token: string) =>
    tokens.authenticate({
      certificate: undefined,
      headers: { authorization: `Bearer ${token}` },
      notes: { annotate, warn: (message) => void warnings.push(message) },
    });
  const warnings: string[] = [];
  return {
    clock,
    store,
    tokens,
    put,
    remove,
    request,
    review,
    authenticate,
    requests,
    audit,
    warnings,
    shown,
    counted,
  };
}

const pod = (more: object = {}) => ({
  boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'uid-web', ...more },
});
const tokenOf = ({ status }: TokenRequest): string => status?.token ?? '';

async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return `${error.code} ${error.message}`;
  }
  return assert.fail('it was not refused');
}

test('a token says who it is for how long, and whoever shows it is that account', async () => {
  const { request, authenticate } = await world();
  const answer = await request({ expirationSeconds: 600 });
  assert.equal(answer.status?.expirationTimestamp, '2026-01-01T00:10:00Z');
  assert.deepEqual(answer.spec, { expirationSeconds: 600, audiences: [defaultIssuer] });
  const { jti, ...claims } = decodeJwt(tokenOf(answer));
  assert.deepEqual(claims, {
    iss: defaultIssuer,
    sub: 'system:serviceaccount:default:bot',
    aud: [defaultIssuer],
    exp: 1_767_226_200,
    iat: 1_767_225_600,
    nbf: 1_767_225_600,
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'bot', uid: 'uid-bot' } },
  });
  assert.deepEqual(await authenticate(tokenOf(answer)), {
    kind: 'user',
    audiences: [defaultIssuer],
    user: {
      name: 'system:serviceaccount:default:bot',
      uid: 'uid-bot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] },
    },
  });
});

test('a pod’s token names the pod and its node, holds for a year, and asks to be renewed in an hour', async () => {
  const { request, authenticate } = await world();
  const answer = await request({ ...pod(), expirationSeconds: 3607 });
  assert.equal(answer.status?.expirationTimestamp, '2026-01-01T01:00:07Z');
  const claims = decodeJwt<{ 'kubernetes.io': object }>(tokenOf(answer));
  assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 365 * 24 * 3600);
  assert.deepEqual(claims['kubernetes.io'], {
    namespace: 'default',
    node: { name: 'n1', uid: 'uid-n1' },
    pod: { name: 'web', uid: 'uid-web' },
    serviceaccount: { name: 'bot', uid: 'uid-bot' },
    warnafter: 1_767_229_207,
  });
  const outcome = await authenticate(tokenOf(answer));
  assert.deepEqual(outcome.kind === 'user' && Object.keys(outcome.user.extra ?? {}).map((name) => name.split('/')[1]), [
    'credential-id',
    'node-name',
    'node-uid',
    'pod-name',
    'pod-uid',
  ]);
  const foreign = decodeJwt(tokenOf(await request({ ...pod(), expirationSeconds: 3607, audiences: ['vault'] })));
  assert.equal((foreign.exp ?? 0) - (foreign.iat ?? 0), 3607);
});

test('what cannot be asked for is refused in upstream’s words', async () => {
  const { request, put } = await world();
  const cases: readonly (readonly [Promise<unknown>, string])[] = [
    [
      request({ expirationSeconds: 599 }),
      '422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      request({ expirationSeconds: 2 ** 32 + 1 }),
      '422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    [request({}, 'nobody'), '404 serviceaccounts "nobody" not found'],
    [request(pod({ name: 'none' })), '404 pods "none" not found'],
    [request(pod({ kind: 'ConfigMap' })), '400 cannot bind token to object of type /v1, Kind=ConfigMap'],
    [request(pod({ kind: 'constructor' })), '400 cannot bind token to object of type /v1, Kind=constructor'],
    [
      request(pod({ apiVersion: 'apps/v1', kind: 'Deployment' })),
      '400 cannot bind token to object of type apps/v1, Kind=Deployment',
    ],
    [
      request(pod({ uid: 'old' })),
      '409 Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated',
    ],
  ];
  for (const [work, expected] of cases) assert.equal(await refused(work), expected);
  await put('serviceaccounts', 'other');
  assert.equal(
    await refused(request(pod(), 'other')),
    '400 cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.',
  );
});

test('a token ends with its time, and with all that it is bound to', async () => {
  const why = async (
    spec: object,
    change: (at: Awaited<ReturnType<typeof world>>) => Promise<void>,
  ): Promise<string> => {
    const at = await world();
    const token = tokenOf(await at.request(spec));
    assert.equal((await at.authenticate(token)).kind, 'user');
    await change(at);
    const outcome = await at.authenticate(token);
    return outcome.kind === 'refused' ? outcome.why : outcome.kind;
  };
  const bound = (kind: string, name: string) => ({ boundObjectRef: { apiVersion: 'v1', kind, name } });
  assert.equal(await why({}, ({ clock }) => clock.advance(3_661_000)), 'service account token has expired');
  assert.equal(await why({}, ({ remove }) => remove('serviceaccounts', 'bot')), 'serviceaccounts "bot" not found');
  assert.equal(
    await why({}, ({ put }) => put('serviceaccounts', 'bot', { metadata: { uid: 'new' } })),
    'service account UID (new) does not match claim (uid-bot)',
  );
  const invalidated = 'service account token has been invalidated';
  assert.equal(await why(pod(), ({ remove }) => remove('pods', 'web')), invalidated);
  assert.equal(await why(bound('Secret', 'key'), ({ remove }) => remove('secrets', 'key')), invalidated);
  assert.equal(await why(bound('Node', 'n1'), ({ remove }) => remove('nodes', 'n1')), invalidated);
  assert.equal(
    await why(pod(), ({ put }) => put('pods', 'web', { metadata: { uid: 'new' } })),
    'pod UID (new) does not match service account pod ref claim (uid-web)',
  );
  const going = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
  assert.equal(await why(pod(), ({ put }) => put('pods', 'web', going)), 'user', 'a pod that ends says goodbye');
  assert.equal(
    await why(pod(), async ({ put, clock }) => {
      await put('pods', 'web', going);
      await clock.advance(61_000);
    }),
    invalidated,
  );
});

test('a token for somebody else opens nothing here, and a review says for whom it is', async () => {
  const { request, authenticate, review } = await world();
  const token = tokenOf(await request({ audiences: ['vault', 'other'] }));
  const outcome = await authenticate(token);
  assert.equal(
    outcome.kind === 'refused' && outcome.why,
    `token audiences ["vault" "other"] is invalid for the target audiences ["${defaultIssuer}"]`,
  );
  const good = await review(token, ['vault']);
  assert.equal(good?.authenticated, true);
  assert.deepEqual(good?.audiences, ['vault']);
  assert.equal(good?.user?.username, 'system:serviceaccount:default:bot');
  const bad = await review(token);
  assert.equal(bad?.authenticated, undefined);
  assert.match(bad?.error ?? '', /^\[invalid bearer token, token audiences /);
  assert.equal((await review('nonsense'))?.error, 'invalid bearer token');
});

test('a forged token is refused: another key, no signature, another account', async () => {
  const { request, authenticate, store, clock, tokens } = await world();
  const token = tokenOf(await request());
  const [head = '', body = '', signature = ''] = token.split('.');
  const forger = new ServiceAccountTokens({ keys: passingSigningKeys(), store, clock });
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Parameters<typeof tokens.sign>[0];
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'x' })).toString('base64url');
  for (const forged of [await forger.sign(claims), `${none}.${body}.`, `${head}.${changed}.${signature}`]) {
    assert.deepEqual(await authenticate(forged), { kind: 'refused', why: 'invalid bearer token' });
  }
  for (const other of ['', 'a.b.c', 'x']) assert.equal((await authenticate(other)).kind, 'absent');
});

test('the published keys are those that tokens are signed with', async () => {
  const { tokens, request } = await world();
  const read = async (at: string) => {
    const answer = await issuerDiscovery(tokens, at);
    return { type: answer?.headers['content-type'], value: JSON.parse(String(answer?.body[0])) as unknown };
  };
  const { type, value } = await read('/openid/v1/jwks');
  assert.equal(type, 'application/jwk-set+json');
  const keys = createLocalJWKSet(value as JSONWebKeySet);
  const { payload } = await jwtVerify(tokenOf(await request()), keys, {
    currentDate: new Date('2026-01-01T00:00:00Z'),
  });
  assert.equal(payload.sub, 'system:serviceaccount:default:bot');
  assert.deepEqual((await read('/.well-known/openid-configuration')).value, {
    issuer: defaultIssuer,
    jwks_uri: `${defaultIssuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
  assert.equal(await issuerDiscovery(tokens, '/openid/v2'), undefined);
});

function folder(context: TestContext): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'naru-key-'));
  context.after(() => rmSync(made, { recursive: true }));
  return made;
}

test('the signing key is made once, is its owner’s alone, and is never replaced in silence', async (context) => {
  const file = path.join(folder(context), 'keys', 'service-accounts.key');
  const made = await openSigningKeys(file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  chmodSync(file, 0o644);
  assert.equal((await openSigningKeys(file)).signing.id, made.signing.id);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, 'broken');
  await assert.rejects(openSigningKeys(file), /service-accounts\.key does not hold a private key; put the file back/);
});

test('a file may hold many kinds of keys: the first private one signs, and all verify', async (context) => {
  const file = path.join(folder(context), 'keys');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
  const p521 = generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
  const pem = [
    rsa.publicKey.export({ type: 'spki', format: 'pem' }),
    p384.privateKey.export({ type: 'sec1', format: 'pem' }),
    rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
    p521.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  ];
  writeFileSync(file, `-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n${pem.join('')}`);
  const keys = await openSigningKeys(file);
  assert.deepEqual(
    keys.all.map(({ algorithm }) => algorithm),
    ['RS256', 'ES384', 'RS256', 'ES512'],
  );
  assert.equal(keys.signing.algorithm, 'ES384');
  const { store, clock } = await world();
  const tokens = new ServiceAccountTokens({ keys, store, clock });
  const configuration = await issuerDiscovery(tokens, '/.well-known/openid-configuration/');
  const { id_token_signing_alg_values_supported: algorithms } = JSON.parse(String(configuration?.body[0])) as {
    readonly id_token_signing_alg_values_supported: readonly string[];
  };
  assert.deepEqual(algorithms, ['ES384', 'ES512', 'RS256']);
  writeFileSync(file, pem[0] ?? '');
  await assert.rejects(readKeyBlocks(file), /does not hold a private key/);
});

test('while keys follow one another, tokens of both hold; of one that is taken away, none', async () => {
  const { tokens, request, authenticate } = await world();
  const old = tokens.keys.signing;
  const before = tokenOf(await request());
  assert.equal((await authenticate(before)).kind, 'user');
  const next = passingSigningKeys().signing;
  tokens.keys.replace([next, old]);
  const after = tokenOf(await request());
  assert.equal(decodeProtectedHeader(after).kid, next.id);
  assert.deepEqual(
    (await tokens.publicJwks()).map(({ kid }) => kid),
    [next.id, old.id],
  );
  for (const token of [before, after]) assert.equal((await authenticate(token)).kind, 'user');
  tokens.keys.replace([next]);
  assert.deepEqual(await authenticate(before), { kind: 'refused', why: 'invalid bearer token' });
  assert.equal((await authenticate(after)).kind, 'user');
  assert.throws(() => new SigningKeys([]), /none of the keys/);
});

test('a token request names the account that it means, or is refused', async () => {
  const { request, audit } = await world();
  const answer = await request({}, 'bot', { uid: 'uid-bot', name: 'bot', namespace: 'default' });
  assert.deepEqual(answer.metadata, {
    uid: 'uid-bot',
    name: 'bot',
    namespace: 'default',
    creationTimestamp: '2026-01-01T00:00:00Z',
  });
  const id = decodeJwt(tokenOf(answer)).jti;
  assert.equal(audit['authentication.kubernetes.io/issued-credential-id'], `JTI=${id}`);
  assert.equal(
    await refused(request({}, 'bot', { uid: 'old' })),
    '409 Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "bot": the UID in the token request (old) does not match the UID of the service account (uid-bot)',
  );
  const invalid = '422 TokenRequest.authentication.k8s.io "bot" is invalid: metadata.';
  assert.equal(
    await refused(request({}, 'bot', { name: 'other' })),
    `${invalid}name: Invalid value: "other": must match the service account name if specified`,
  );
  assert.equal(
    await refused(request({}, 'bot', { namespace: 'other' })),
    `${invalid}namespace: Invalid value: "other": must match the service account namespace if specified`,
  );
});

test('a pod’s token that was not renewed is noted in the audit log until it ends', async () => {
  const { request, authenticate, clock, audit, counted } = await world();
  const token = tokenOf(await request({ ...pod(), expirationSeconds: 3607 }));
  await authenticate(token);
  assert.equal(audit['authentication.k8s.io/stale-token'], undefined);
  await clock.advance(3_617_000);
  assert.equal((await authenticate(token)).kind, 'user');
  assert.equal(
    audit['authentication.k8s.io/stale-token'],
    'subject: system:serviceaccount:default:bot, seconds after warning threshold: 10',
  );
  assert.match(counted.text(), /^serviceaccount_valid_tokens_total 1$[^]*^serviceaccount_stale_tokens_total 1$/m);
});

test('several issuers are accepted, the first signs, and audiences may be others than they', async () => {
  const old = await world();
  const settings = { issuers: ['https://new.example/', defaultIssuer], audiences: ['api', 'more'] };
  const { tokens, request, authenticate } = await world(settings);
  const token = tokenOf(await request());
  assert.equal(decodeJwt(token).iss, 'https://new.example/');
  assert.deepEqual(decodeJwt(token).aud, ['api', 'more']);
  assert.equal((await authenticate(token)).kind, 'user');
  const claims = decodeJwt(tokenOf(await old.request({ audiences: ['more'] })));
  const ofOld = await tokens.sign(claims as never);
  assert.equal((await authenticate(ofOld)).kind, 'user');
  const configuration = await issuerDiscovery(tokens, '/.well-known/openid-configuration');
  assert.match(String(configuration?.body[0]), /"jwks_uri":"https:\/\/new\.example\/openid\/v1\/jwks"/);
  const nowhere = await world({ issuers: ['cluster'] });
  assert.equal(await issuerDiscovery(nowhere.tokens, '/openid/v1/jwks'), undefined);
  assert.equal((await nowhere.authenticate(tokenOf(await nowhere.request()))).kind, 'user');
});

test('an operator may bound the life of tokens, and end the year that pods’ tokens are given', async () => {
  const { requests, request } = await world({ maxExpirationSeconds: 7200, withoutExtension: true });
  const resource = resourceTable().find('', 'v1', 'serviceaccounts') ?? assert.fail();
  const target = { user: admin, resource, namespace: 'default', name: 'bot', subresource: 'token' };
  const { object, warnings } = await requests.create(target, { spec: { expirationSeconds: 7201 } }, {});
  assert.deepEqual(warnings, ['requested expiration of 7201 seconds shortened to 7200 seconds']);
  const { spec, status } = object as TokenRequest;
  assert.equal(spec?.expirationSeconds, 7200);
  const { exp = 0, iat = 0 } = decodeJwt(status?.token ?? '');
  assert.equal(exp - iat, 7200);
  const claims = decodeJwt(tokenOf(await request({ ...pod(), expirationSeconds: 3607 })));
  assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 3607);
  const bounded = await world({ maxExpirationSeconds: 86_400 });
  const extended = decodeJwt(tokenOf(await bounded.request({ ...pod(), expirationSeconds: 3607 })));
  assert.equal((extended.exp ?? 0) - (extended.iat ?? 0), 86_400);
});

async function legacyWorld() {
  const at = await world();
  await at.put('secrets', 'long', { type: 'kubernetes.io/service-account-token' });
  const object = (collection: string, name: string): KubeObject =>
    at.store.get({ collection, namespace: 'default', name })?.object ?? assert.fail(name);
  const token = await at.tokens.signLegacy(object('serviceaccounts', 'bot'), object('secrets', 'long'));
  const fill = (text: string, labels: object = {}) =>
    at.put('secrets', 'long', { metadata: { labels }, data: { token: Buffer.from(text).toString('base64') } });
  await fill(token);
  return { ...at, token, fill };
}

test('a token in a Secret holds without an end, and each use is told', async () => {
  const { token, authenticate, clock, audit, warnings, shown, put, review, counted } = await legacyWorld();
  await clock.advance(10 * 365 * 24 * 3_600_000);
  assert.deepEqual(await authenticate(token), {
    kind: 'user',
    audiences: [defaultIssuer],
    user: {
      name: 'system:serviceaccount:default:bot',
      uid: 'uid-bot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    },
  });
  assert.deepEqual(audit, {
    'authentication.k8s.io/legacy-token': 'system:serviceaccount:default:bot',
    'authentication.k8s.io/legacy-token-manual-secret': 'long',
  });
  assert.deepEqual(shown, ['long']);
  assert.deepEqual(warnings, []);
  assert.equal((await review(token, ['vault']))?.authenticated, undefined, 'it is for the API alone');
  await put('serviceaccounts', 'bot', { secrets: [{ name: 'long' }] });
  assert.equal((await authenticate(token)).kind, 'user');
  assert.ok('authentication.k8s.io/legacy-token-autogenerated-secret' in audit);
  assert.match(warnings[0] ?? '', /^Use tokens from the TokenRequest API or manually created/);
  const uses = [...counted.text().matchAll(/^serviceaccount_(\w+)_total ([1-9]\d*)$/gm)].map(
    ([, name, n]) => `${name} ${n}`,
  );
  assert.deepEqual(uses, ['legacy_tokens 3', 'legacy_manual_token_uses 1', 'legacy_auto_token_uses 1']);
});

test('a token in a Secret ends with the Secret, with what stands in it, and with its account', async () => {
  const why = async (change: (at: Awaited<ReturnType<typeof legacyWorld>>) => Promise<unknown>): Promise<string> => {
    const at = await legacyWorld();
    assert.equal((await at.authenticate(at.token)).kind, 'user');
    await change(at);
    const outcome = await at.authenticate(at.token);
    return outcome.kind === 'refused' ? outcome.why : outcome.kind;
  };
  const going = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
  assert.equal(await why(({ remove }) => remove('secrets', 'long')), 'Token has been invalidated');
  assert.equal(await why(({ put }) => put('secrets', 'long', going)), 'Token has been invalidated');
  assert.equal(await why(({ fill }) => fill('another')), "Token does not match server's copy");
  assert.equal(await why(({ remove }) => remove('serviceaccounts', 'bot')), 'serviceaccounts "bot" not found');
  assert.equal(
    await why(({ put }) => put('serviceaccounts', 'bot', going)),
    'ServiceAccount default/bot has been deleted',
  );
  assert.equal(
    await why(({ put }) => put('serviceaccounts', 'bot', { metadata: { uid: 'new' } })),
    'ServiceAccount UID (new) does not match claim (uid-bot)',
  );
  const marked = { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' };
  assert.match(
    await why(({ fill, token }) => fill(token, marked)),
    /^the token in secret default\/long for service account default\/bot has been marked invalid\. Use tokens from/,
  );
});

test('a request for a token passes admission, as any create', async () => {
  const { store, clock, requests, put } = await world();
  const registry = new Registry({
    store,
    clock,
    prng: new SeededPrng(1),
    schema: builtinSchema(),
    resources: resourceTable(),
    log: silentLogger,
    virtualResources: new Map([['serviceaccounts/token', requests]]),
  });
  const resource = resourceTable().find('', 'v1', 'serviceaccounts') ?? assert.fail();
  const target = { user: admin, resource, namespace: 'default', name: 'bot', subresource: 'token' };
  const ask = async () => tokenOf((await registry.create(target, { spec: {} }, {})).object);
  assert.equal(await refused(ask()), '404 namespaces "default" not found');
  await put('namespaces', 'default', {}, '');
  assert.ok(await ask());
  await put('namespaces', 'default', { status: { phase: 'Terminating' } }, '');
  assert.match(await refused(ask()), /^403 serviceaccounts "bot" is forbidden: unable to create new content in/);
});

test('the signature of a very long token is not remembered: a thousand of them would fill the memory', async () => {
  const { tokens, request, authenticate } = await world();
  let checks = 0;
  const { keys } = tokens;
  const candidates = keys.candidates.bind(keys);
  keys.candidates = (id) => {
    checks++;
    return candidates(id);
  };
  const shownTwice = async (audience: string): Promise<number> => {
    const token = tokenOf(await request({ audiences: [defaultIssuer, audience] }));
    checks = 0;
    for (let times = 0; times < 2; times++) assert.equal((await authenticate(token)).kind, 'user');
    return checks;
  };
  assert.equal(await shownTwice('a'), 1);
  assert.equal(await shownTwice('a'.repeat(limits.verifiedTokenCharactersMax)), 2);
});
