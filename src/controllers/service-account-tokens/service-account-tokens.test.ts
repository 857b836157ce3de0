import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Secret, ServiceAccount } from '../../api/schema/types/core-v1.ts';
import { configMaps, namespaces, secrets, serviceAccounts } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { limits } from '../../lib/limits.ts';
import { inDefault } from '../testing.ts';
import { serviceAccountTokenControllers } from './controller.ts';
import { type CleaningObserved, decideCleaning, decideTokenSecret, isTokenSecret } from './decide.ts';

const type = 'kubernetes.io/service-account-token';
const text = (base64 = ''): string => Buffer.from(base64, 'base64').toString();

const dayMs = 86_400_000;

async function world() {
  const api = await startTestApi();
  let signed = 0;
  const services = [
    api.informers,
    ...serviceAccountTokenControllers(
      {
        ...api,
        rootCa: 'CA',
        signAccountToken: async (account, secret) => `${account.metadata?.name}/${secret.metadata?.name}/${++signed}`,
      },
      dayMs,
    ),
  ];
  for (const service of services) await service.start();
  await api.clock.advance(0);
  const { client, clock } = api;
  return {
    ...api,
    find: (name: string): Promise<Secret | undefined> => client.get(secrets, inDefault(name)).catch(() => undefined),
    makeAccount: (name: string, more: Partial<ServiceAccount> = {}) =>
      client.create(serviceAccounts, { metadata: inDefault(name), ...more }),
    async makeSecret(name: string, account: string, more: Partial<Secret> = {}, annotations: object = {}) {
      const metadata = {
        ...inDefault(name),
        annotations: { 'kubernetes.io/service-account.name': account, ...annotations },
      };
      await client.create(secrets, { metadata, type, ...more });
      await clock.advance(0);
    },
    async close() {
      for (const service of services.toReversed()) await service.close();
      await api.store.close();
    },
  };
}

test('a Secret for an account is filled: token, authority, namespace, and the account’s uid', async () => {
  const { makeAccount, makeSecret, find, close, client, clock } = await world();
  const { metadata } = await makeAccount('bot');
  await makeSecret('long', 'bot', { data: { own: 'eA==' } });
  const filled = await find('long');
  assert.deepEqual(
    Object.entries(filled?.data ?? {})
      .map(([key, value]) => [key, text(value)])
      .sort(),
    [
      ['ca.crt', 'CA'],
      ['namespace', 'default'],
      ['own', 'x'],
      ['token', 'bot/long/1'],
    ],
  );
  assert.equal(filled?.metadata?.annotations?.['kubernetes.io/service-account.uid'], metadata?.uid);
  assert.deepEqual((await client.get(serviceAccounts, inDefault('bot'))).secrets, undefined, 'the account is not told');
  await client.update(secrets, { ...filled, data: { token: 'a2VwdA==' } });
  await clock.advance(0);
  const again = await find('long');
  assert.deepEqual([text(again?.data?.['token']), text(again?.data?.['ca.crt'])], ['kept', 'CA']);
  const emptied = await client.update(secrets, { ...again, data: {} });
  await clock.advance(0);
  assert.equal(
    text((await find(emptied.metadata?.name ?? ''))?.data?.['token']),
    'bot/long/2',
    'a new one, where it was emptied',
  );
  await close();
});

test('a Secret goes with its account, and one for an account that is not there, or is another, is not kept', async () => {
  const { makeAccount, makeSecret, find, close, client, clock } = await world();
  await makeAccount('bot');
  await makeSecret('long', 'bot');
  await makeSecret('lost', 'nobody');
  await makeSecret('stale', 'bot', {}, { 'kubernetes.io/service-account.uid': 'another' });
  await makeSecret('plain', 'nobody', { type: 'Opaque' });
  assert.equal(await find('lost'), undefined);
  assert.equal(await find('stale'), undefined);
  assert.ok(await find('long'));
  await client.delete(serviceAccounts, inDefault('bot'));
  await clock.advance(0);
  assert.equal(await find('long'), undefined);
  assert.ok(await find('plain'), 'other Secrets are nobody’s business');
  await close();
});

test('an account does not go on naming a Secret of its own that is gone', async () => {
  const { makeAccount, makeSecret, close, client, clock } = await world();
  await makeAccount('bot', { secrets: [{ name: 'long' }, { name: 'other' }] });
  await makeSecret('long', 'bot');
  await client.delete(secrets, inDefault('long'));
  await clock.advance(0);
  assert.deepEqual((await client.get(serviceAccounts, inDefault('bot'))).secrets, [{ name: 'other' }]);
  await close();
});

const nowMs = Date.UTC(2028, 0, 1);
const account: ServiceAccount = { metadata: { name: 'bot', namespace: 'a', uid: 'u' }, secrets: [{ name: 'long' }] };

function secret(labels: Record<string, string> = {}, more: object = {}): Secret {
  const annotations = { 'kubernetes.io/service-account.name': 'bot' };
  const metadata = {
    name: 'long',
    namespace: 'a',
    creationTimestamp: '2025-01-01T00:00:00Z',
    labels,
    annotations,
    ...more,
  };
  return { metadata, type, data: { token: 'x' } };
}

function plan(one: Secret, more: Partial<CleaningObserved> = {}): 'kept' | 'invalidated' | 'removed' {
  const { invalidate, remove, today } = decideCleaning({
    secrets: [one],
    account: () => account,
    pods: () => [],
    trackedSince: '2026-12-30',
    nowMs,
    unusedMsMax: limits.legacyTokenUnusedMsMax,
    ...more,
  });
  assert.equal(today, '2028-01-01');
  return invalidate.length > 0 ? 'invalidated' : remove.length > 0 ? 'removed' : 'kept';
}

test('what was made with an account and is not used for a year is marked, and a year later removed', () => {
  const last = 'kubernetes.io/legacy-token-last-used';
  const since = 'kubernetes.io/legacy-token-invalid-since';
  assert.equal(plan(secret()), 'invalidated');
  assert.equal(plan(secret({ [last]: '2026-12-31' })), 'invalidated');
  assert.equal(plan(secret({ [last]: '2027-01-01' })), 'kept');
  assert.equal(plan(secret({ [last]: 'yesterday' })), 'kept', 'nobody knows when it was used');
  assert.equal(plan(secret({ [since]: '2027-01-01' })), 'kept');
  assert.equal(plan(secret({ [since]: '2026-12-31' })), 'removed');
  assert.equal(plan(secret({ [since]: 'nonsense' })), 'invalidated');
});

test('what somebody made, mounts or may still use is not cleaned away', () => {
  const pod = { spec: { volumes: [{ name: 'v', secret: { secretName: 'long' } }], containers: [] } } as Pod;
  assert.equal(plan(secret(), { pods: () => [pod] }), 'kept');
  assert.equal(plan(secret(), { account: () => ({ metadata: account.metadata ?? {} }) }), 'kept', 'made by hand');
  assert.equal(plan(secret(), { account: () => undefined }), 'kept');
  assert.equal(plan(secret({}, { creationTimestamp: '2027-06-01T00:00:00Z' })), 'kept');
  assert.equal(plan(secret({}, { deletionTimestamp: '2027-06-01T00:00:00Z' })), 'kept');
  assert.equal(plan({ ...secret(), type: 'Opaque' }), 'kept');
  assert.equal(plan(secret(), { trackedSince: '2027-01-01' }), 'kept', 'not noted for long enough');
  assert.equal(plan(secret(), { trackedSince: undefined }), 'kept');
});

test('the cleaning loop marks and removes with the days that it is told', async () => {
  const { makeAccount, makeSecret, find, close, client, clock } = await world();
  await client.create(namespaces, { metadata: { name: 'kube-system' } });
  const name = 'kube-apiserver-legacy-service-account-token-tracking';
  await client.create(configMaps, { metadata: { namespace: 'kube-system', name }, data: { since: '2025-12-30' } });
  await makeAccount('bot', { secrets: [{ name: 'long' }] });
  await makeSecret('long', 'bot');
  await makeSecret('hand-made', 'bot');
  await clock.advance(2 * dayMs);
  assert.equal((await find('long'))?.metadata?.labels?.['kubernetes.io/legacy-token-invalid-since'], '2026-01-03');
  await clock.advance(2 * dayMs);
  assert.equal(await find('long'), undefined);
  assert.ok(await find('hand-made'));
  await close();
});

test('what a token Secret lacks is decided from what is there', () => {
  assert.deepEqual(decideTokenSecret(secret(), undefined, 'CA'), { kind: 'delete' });
  const filled = { ...secret(), data: { token: 'x', namespace: 'YQ==' } };
  assert.deepEqual(decideTokenSecret(filled, account, ''), { kind: 'nothing' });
  const decided = decideTokenSecret({ ...filled, data: { ...filled.data, 'ca.crt': 'b2xk' } }, account, 'CA');
  assert.deepEqual(decided.kind === 'fill' && [decided.data, decided.needsToken], [{ 'ca.crt': 'Q0E=' }, false]);
  assert.equal(isTokenSecret({ type: 'Opaque' }), false);
});
