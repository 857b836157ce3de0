import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pemBlocks, pemText } from '../../../api/certificates/pem.ts';
import type { ClusterTrustBundleProjection } from '../../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../../object-source.ts';
import { trustAnchors } from './trust-anchors.ts';

const anchor = (name: string): string => pemText('CERTIFICATE', Buffer.from(name));
const bundle = (name: string, signerName: string, tier: string, ...anchors: string[]) => ({
  metadata: { name, labels: { tier } },
  spec: { signerName, trustBundle: anchors.map((one) => `# ${one}\n${anchor(one)}`).join('') },
});
const bundles = [
  bundle('mine', '', 'x', 'c', 'a', 'c'),
  bundle('a.b:c:1', 'a.b/c', 'web', 'd', 'a'),
  bundle('a.b:c:2', 'a.b/c', 'db', 'a', 'e'),
];
const source = {
  trustBundle: async (name: string) => bundles.find(({ metadata }) => metadata.name === name),
  trustBundlesOf: async (signer: string) => bundles.filter(({ spec }) => spec.signerName === signer),
} as unknown as ObjectSource;

async function anchors(wanted: Partial<ClusterTrustBundleProjection>): Promise<string> {
  const text = (await trustAnchors(source, { path: 'p', ...wanted })).toString();
  assert.doesNotMatch(text, /#/);
  return pemBlocks(text)
    .map(({ bytes }) => bytes.toString())
    .join('');
}

test('certificates of one bundle, or of all that fit, stand once each, in one order, with nothing between', async () => {
  assert.equal(await anchors({ name: 'mine' }), 'ac');
  assert.equal(await anchors({ signerName: 'a.b/c', labelSelector: {} }), 'ade');
  assert.equal(await anchors({ signerName: 'a.b/c', labelSelector: { matchLabels: { tier: 'db' } } }), 'ae');
});

test('where there is none the volume fails, or the file is empty where that is borne', async () => {
  const absent = anchors({ name: 'other' });
  await assert.rejects(absent, { message: 'clustertrustbundle.certificates.k8s.io "other" not found' });
  const zero = { message: 'combination of signerName and labelSelector matched zero ClusterTrustBundles' };
  await assert.rejects(anchors({ signerName: 'a.b/c' }), zero);
  await assert.rejects(anchors({ signerName: 'a.b/c', labelSelector: { matchLabels: { tier: 'x' } } }), zero);
  assert.equal(await anchors({ name: 'other', optional: true }), '');
  assert.equal(await anchors({ signerName: 'x.y/z', labelSelector: {}, optional: true }), '');
});
