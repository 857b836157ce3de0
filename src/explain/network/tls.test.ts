/** Certificates that a gateway would show: expired, for another name, about to end. Real ones, made here. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { issueAuthority, issueLeaf } from '../../server/certificates/issue.ts';
import { newInquiry } from '../explain.ts';
import { nowMs, object, SnapshotLook } from '../testing.ts';
import { tlsFindings } from './tls.ts';

const dayMs = 24 * 3_600_000;
const ingress = object({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' } });

async function secret(names: readonly string[], fromMs: number, lifetimeMs: number): Promise<KubeObject> {
  const authority = await issueAuthority('test', { nowMs: fromMs, lifetimeMs: lifetimeMs * 2 });
  const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
  const { certificate } = await issueLeaf(issuer, {
    nowMs: fromMs,
    lifetimeMs,
    usage: 'server',
    names,
    subject: { commonName: 'web', organizations: [] },
  });
  return object({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'web-tls' },
    data: { 'tls.crt': Buffer.from(certificate).toString('base64') },
  });
}

const codes = async (secrets: readonly KubeObject[], hosts: readonly string[]): Promise<string[]> =>
  (await tlsFindings(ingress, 'shop', 'web-tls', hosts, newInquiry(new SnapshotLook(secrets)))).map(
    ({ code, what }) => `${code}: ${what}`,
  );

test('a certificate that holds for the hosts is well, wild cards too', async () => {
  const good = await secret(['shop.example', '*.shop.example'], nowMs - dayMs, 90 * dayMs);
  assert.deepEqual(await codes([good], ['shop.example', 'www.shop.example', '*.shop.example']), []);
});

test('one for another name, one that is over, one that ends soon, none at all', async () => {
  const other = await secret(['old.example'], nowMs - dayMs, 90 * dayMs);
  assert.deepEqual(await codes([other], ['shop.example']), [
    'CertificateForOtherName: its certificate is not for shop.example, but for old.example',
  ]);
  const over = await secret(['shop.example'], nowMs - 100 * dayMs, 90 * dayMs);
  assert.deepEqual(await codes([over], ['shop.example']), ['CertificateExpired: its certificate expired 10 days ago']);
  const soon = await secret(['shop.example'], nowMs - 87 * dayMs, 90 * dayMs);
  assert.deepEqual(await codes([soon], ['shop.example']), [
    'CertificateExpiresSoon: its certificate expires in 3 days',
  ]);
  const empty = object({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web-tls' }, data: {} });
  assert.match((await codes([empty], ['shop.example'])).join(), /^CertificateUnreadable/);
  const near = object({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web-tsl' }, data: {} });
  assert.match((await codes([near], ['shop.example'])).join(), /did you mean "web-tsl"/);
});
