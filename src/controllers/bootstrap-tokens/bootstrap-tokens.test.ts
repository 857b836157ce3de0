import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import { configMaps, namespaces, secrets } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { startWorld } from '../testing.ts';
import { detachedSignature, leftMs, signedData } from './decide.ts';

function token(id: string, more: Readonly<Record<string, string>> = {}): Secret {
  const data = { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...more };
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return {
    metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(encoded) as Record<string, string>,
  };
}

const nowMs = Date.UTC(2026, 0, 1);
const clusterInfo = (data: Readonly<Record<string, string>>): ConfigMap => ({
  metadata: { namespace: 'kube-public', name: 'cluster-info' },
  data: { ...data },
});

test('a signature is a JWS whose content was left away', () => {
  // By go-jose, from upstream's own test.
  assert.equal(
    detachedSignature(
      'Hello from the other side. I must have called a thousand times.',
      'joshua',
      'my voice is my passcode',
    ),
    'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8',
  );
});

test('cluster-info bears the signature of each token that may sign, and no other', () => {
  const kubeconfig = 'apiVersion: v1';
  const signature = detachedSignature(kubeconfig, 'aaaaaa', '0123456789abcdef');
  const tokens = [
    token('aaaaaa'),
    token('bbbbbb', { 'usage-bootstrap-signing': 'false' }),
    token('cccccc', { expiration: '2026-01-01T00:00:00Z' }),
    { ...token('dddddd'), metadata: { namespace: 'kube-system', name: 'bootstrap-token-eeeeee' } },
    { ...token('ffffff'), type: 'Opaque' },
    { ...token('gggggg'), metadata: { namespace: 'default', name: 'bootstrap-token-gggggg' } },
  ];
  const wanted = { kubeconfig, 'jws-kubeconfig-aaaaaa': signature };
  assert.deepEqual(signedData(clusterInfo({ kubeconfig, 'jws-kubeconfig-gone': 'x' }), tokens, nowMs), wanted);
  assert.equal(signedData(clusterInfo(wanted), tokens, nowMs), undefined);
  assert.equal(signedData(clusterInfo({ other: 'x' }), tokens, nowMs), undefined);
});

test('a token stays until it expires, and one whose end nobody can read is gone', () => {
  assert.equal(leftMs(token('aaaaaa'), nowMs), undefined);
  assert.equal(leftMs(token('aaaaaa', { expiration: formatTime(nowMs + 5000) }), nowMs), 5000);
  assert.equal(leftMs(token('aaaaaa', { expiration: formatTime(nowMs) }), nowMs), 0);
  assert.equal(leftMs(token('aaaaaa', { expiration: 'soon' }), nowMs), 0);
  assert.equal(leftMs({ ...token('aaaaaa', { expiration: 'soon' }), type: 'Opaque' }, nowMs), undefined);
});

test('the loops remove a token when its time is over, and its signature with it', async () => {
  const world = await startWorld();
  const { client, clock } = world;
  for (const name of ['kube-system', 'kube-public']) await client.create(namespaces, { metadata: { name } });
  const kubeconfig = 'apiVersion: v1';
  await client.create(configMaps, clusterInfo({ kubeconfig }));
  await client.create(secrets, token('aaaaaa', { expiration: formatTime(clock.now() + 60_000) }));
  await client.create(secrets, token('bbbbbb'));
  const keys = async () =>
    Object.keys((await client.get(configMaps, { namespace: 'kube-public', name: 'cluster-info' })).data ?? {}).sort();
  const names = async () => (await world.list(secrets, 'kube-system')).map(({ metadata }) => metadata?.name).sort();
  await clock.advance(1_000);
  assert.deepEqual(await keys(), ['jws-kubeconfig-aaaaaa', 'jws-kubeconfig-bbbbbb', 'kubeconfig']);
  await clock.advance(58_000);
  assert.deepEqual(await names(), ['bootstrap-token-aaaaaa', 'bootstrap-token-bbbbbb']);
  await clock.advance(2_000);
  assert.deepEqual(await names(), ['bootstrap-token-bbbbbb']);
  assert.deepEqual(await keys(), ['jws-kubeconfig-bbbbbb', 'kubeconfig']);
  await world.close();
});
