import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { TokenRequest, TokenReview } from '../../api/schema/types/authentication-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import type { UserInfo } from '../../registry/request.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { tokenReviews } from '../authentication/token-review.ts';
import { issuerDiscovery } from './discovery.ts';
import { openSigningKey, passingSigningKey } from './signing-key.ts';
import { tokenRequests } from './token-requests.ts';
import { defaultIssuer, ServiceAccountTokens } from './tokens.ts';

const admin: UserInfo = { name: 'admin', groups: ['system:masters'] };
const node1: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };

async function world() {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock, log: silentLogger });
  await store.start();
  const tokens = new ServiceAccountTokens({ key: passingSigningKey(), store, clock });
  const schema = builtinSchema();
  const requests = tokenRequests({ tokens, store, schema, clock, prng: new SeededPrng(1) });
  const reviews = tokenReviews({ tokens, schema });
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
  const request = async (spec: object = {}, user = admin, name = 'bot'): Promise<TokenRequest> => {
    const target = { user, resource: info('', 'serviceaccounts'), namespace: 'default', name, subresource: 'token' };
    return (await requests.create(target, { spec } as never, {})).object;
  };
  const review = async (token: string, audiences: readonly string[] = []) => {
    const resource = info('authentication.k8s.io', 'tokenreviews');
    const target = { user: admin, resource, namespace: '', name: '', subresource: '' };
    return ((await reviews.create(target, { spec: { token, audiences } } as never, {})).object as TokenReview).status;
  };
  const authenticate = (token: string) =>
    tokens.authenticate({ certificate: undefined, headers: { authorization: `Bearer ${token}` } });
  return { clock, store, tokens, put, remove, request, review, authenticate };
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
    [request({}, admin, 'nobody'), '404 serviceaccounts "nobody" not found'],
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
    await refused(request(pod(), admin, 'other')),
    '400 cannot bind token for serviceaccount "other" to pod running with serviceaccount "bot"',
  );
});

test('a node gets tokens for its own pods only', async () => {
  const { request, put } = await world();
  const forbidden = (why: string): string => `403 serviceaccounts "bot" is forbidden: ${why}`;
  assert.ok(tokenOf(await request(pod(), node1)));
  assert.equal(await refused(request({}, node1)), forbidden('node requested token not bound to a pod'));
  assert.equal(
    await refused(request(pod({ uid: '' }), node1)),
    forbidden('node requested token with a pod binding without a uid'),
  );
  await put('pods', 'far', { spec: { serviceAccountName: 'bot', nodeName: 'n2', containers: [] } });
  const far = pod({ name: 'far', uid: 'uid-far' });
  assert.equal(
    await refused(request(far, node1)),
    forbidden('node requested token bound to a pod scheduled on a different node'),
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
  const forger = new ServiceAccountTokens({ key: passingSigningKey(), store, clock });
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
  const made = await openSigningKey(file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  chmodSync(file, 0o644);
  assert.equal((await openSigningKey(file)).id, made.id);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, 'broken');
  await assert.rejects(openSigningKey(file), /service-accounts\.key does not hold a private key; put the file back/);
});
