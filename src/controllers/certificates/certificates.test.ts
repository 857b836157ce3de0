import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RequestOptions } from '../../api/certificates/make-request.ts';
import { clusterTrustBundles } from '../../client/resources.ts';
import { administrator } from '../../client/testing.ts';
import type { UserInfo } from '../../registry/request.ts';
import { CertificateWorld, type Spec } from './testing.ts';

const hourMs = 60 * 60 * 1000;
const boot: UserInfo = { name: 'boot', groups: ['system:bootstrappers', 'system:authenticated'] };
const nodeUsages = ['digital signature', 'client auth'];
const nodeRequest: RequestOptions = { commonName: 'system:node:n1', organizations: ['system:nodes'] };

const kubelet = { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: nodeUsages };

describe('requests for certificates', () => {
  let folder: string;
  let world: CertificateWorld;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'naru-csr-'));
    world = await CertificateWorld.start(path.join(folder, 'pki'));
  });
  after(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  test('a node that may gets its next certificate with nobody looking', async () => {
    const waiting = await world.ask(nodeRequest, kubelet);
    assert.equal((await world.get(waiting)).status?.conditions, undefined);
    world.may.add('system:node:n1 create certificatesigningrequests/selfnodeclient');
    await world.clock.advance(31_000);
    const certificate = await world.issued(waiting);
    assert.deepEqual(certificate.subject.split('\n'), ['O=system:nodes', 'CN=system:node:n1']);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.ok(!certificate.ca && certificate.verify(new X509Certificate(world.authority.certificate).publicKey));
    const [approved] = (await world.get(waiting)).status?.conditions ?? [];
    assert.deepEqual(
      [approved?.reason, approved?.message],
      ['AutoApproved', 'Auto approving self kubelet client certificate after SubjectAccessReview.'],
    );
    world.may.clear();
  });

  test('the permission for oneself is none for another node; that of who lets nodes join is', async () => {
    world.may.add('boot create certificatesigningrequests/selfnodeclient');
    const other = { ...nodeRequest, commonName: 'system:node:n2' };
    const forOther = await world.ask(other, kubelet, boot);
    await world.clock.advance(31_000);
    assert.equal((await world.get(forOther)).status?.conditions, undefined);
    world.may.add('boot create certificatesigningrequests/nodeclient');
    const joining = await world.ask(other, kubelet, boot);
    assert.equal((await world.issued(joining)).subject.includes('CN=system:node:n2'), true);
    world.may.clear();
  });

  test('what breaks its signer’s rules fails for good, in upstream’s words', async () => {
    const client = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['server auth'] };
    const serving = {
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'key encipherment', 'server auth'],
    };
    const rows: readonly (readonly [RequestOptions, Spec, string])[] = [
      [{ commonName: 'ann' }, client, 'invalid usage for client certificate: server auth'],
      [
        { commonName: 'ann' },
        { ...client, usages: ['key encipherment'] },
        'missing required usage for client certificate: client auth',
      ],
      [{ commonName: 'system:node:n1' }, kubelet, 'subject organization is not system:nodes'],
      [{ ...nodeRequest, dnsNames: ['a.b'] }, kubelet, 'DNS subjectAltNames are not allowed'],
      [{ ...nodeRequest, commonName: 'n1' }, kubelet, 'subject common name does not begin with system:node:'],
      [
        nodeRequest,
        { ...kubelet, usages: ['client auth'] },
        'usages did not match [client auth digital signature key encipherment]',
      ],
      [nodeRequest, serving, 'DNS or IP subjectAltName is required'],
      [{ ...nodeRequest, dnsNames: ['a'], uris: ['x://y'] }, serving, 'URI subjectAltNames are not allowed'],
    ];
    for (const [options, spec, message] of rows) {
      const asked = await world.ask(options, spec, boot);
      await world.decide(asked, 'Approved');
      await world.settle(async () => (await world.get(asked)).status?.conditions?.length === 2);
      const { status } = await world.get(asked);
      const failed = status?.conditions?.find(({ type }) => type === 'Failed');
      assert.deepEqual([failed?.reason, failed?.message], ['SignerValidationFailure', message]);
      assert.equal(status?.certificate, undefined);
    }
  });

  test('a serving certificate has the names that were asked for; keys of every kind are signed', async () => {
    for (const key of ['rsa', 'ed25519', 'ecdsa'] as const) {
      const asked = await world.ask(
        { ...nodeRequest, key, dnsNames: ['n1.example'], ipAddresses: ['192.0.2.9', '2001:db8::7'] },
        { signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] },
      );
      await world.decide(asked, 'Approved');
      const certificate = await world.issued(asked);
      assert.equal(certificate.subjectAltName, 'DNS:n1.example, IP Address:192.0.2.9, IP Address:2001:DB8:0:0:0:0:0:7');
      assert.equal(certificate.publicKey.asymmetricKeyType, key === 'ecdsa' ? 'ec' : key);
    }
  });

  test('a life is as long as asked, with five minutes before it; a year where nothing is asked', async () => {
    const lives: readonly (readonly [number | undefined, number])[] = [
      [600, 600],
      [7 * 3600, 7 * 3600],
      [24 * 3600, 24 * 3600 - 300],
      [undefined, 365 * 24 * 3600 - 300],
      [2 ** 31 - 1, 365 * 24 * 3600 - 300],
    ];
    for (const [expirationSeconds, seconds] of lives) {
      const spec = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
      const asked = await world.ask(
        { commonName: 'ann' },
        { ...spec, ...(expirationSeconds !== undefined && { expirationSeconds }) },
      );
      await world.decide(asked, 'Approved');
      const { validFromDate, validToDate } = await world.issued(asked);
      const now = Math.floor(world.clock.now() / 1000);
      assert.deepEqual([validFromDate.getTime() / 1000, validToDate.getTime() / 1000], [now - 300, now + seconds]);
    }
  });

  test('requests are removed an hour after their end, or after a day of waiting', async () => {
    await world.clock.advance(25 * hourMs);
    assert.deepEqual(await world.names(), []);
    const spec = { signerName: 'example.com/web', usages: ['client auth'] };
    const waiting = await world.ask({ commonName: 'a' }, spec);
    const denied = await world.ask({ commonName: 'b' }, spec);
    const approved = await world.ask({ commonName: 'c' }, spec);
    await world.decide(denied, 'Denied');
    await world.decide(approved, 'Approved');
    await world.clock.advance(hourMs - 1000);
    assert.equal((await world.names()).length, 3);
    await world.clock.advance(5000);
    assert.deepEqual(await world.names(), [waiting.name, approved.name].sort());
    await world.clock.advance(23 * hourMs);
    // Nobody has signed it yet: that may still come.
    assert.deepEqual(await world.names(), [approved.name]);
  });

  test('the authority is published, put right where changed, and others of its signer removed', async () => {
    const client = world.client(administrator);
    const all = async () => {
      await world.clock.advance(1000);
      return (await client.list(clusterTrustBundles)).items.map(({ metadata, spec }) => [
        metadata?.name,
        spec.trustBundle,
      ]);
    };
    const [[name] = []] = await all();
    assert.match(name ?? '', /^kubernetes\.io:kube-apiserver-serving:[0-9a-f]{24}$/);
    const trustBundle = `# changed\n${world.authority.certificate}`;
    const spec = { signerName: 'kubernetes.io/kube-apiserver-serving', trustBundle };
    await client.create(clusterTrustBundles, { metadata: { name: 'kubernetes.io:kube-apiserver-serving:old' }, spec });
    await client.patch(clusterTrustBundles, { namespace: '', name: name ?? '' }, { type: 'merge', body: { spec } });
    assert.deepEqual(await all(), [[name, world.authority.certificate]]);
    await client.delete(clusterTrustBundles, { namespace: '', name: name ?? '' });
    assert.deepEqual(await all(), [[name, world.authority.certificate]]);
  });
});
