/** Upstream's conformance tests of `sig-auth` at the API: certificate requests, reviews, service accounts and their tokens, step by step. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { eventually } from '../../harness.ts';
import { dynamic, refusal, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import { type Sent, Wire } from './wire.ts';

/** In base64 of PEM, as objects carry it. */
async function certificateRequest(commonName: string): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: algorithm,
  });
  return Buffer.from(request.toString('pem')).toString('base64');
}

const containers = [{ name: 'c', image: 'pause' }];

describe('conformance: auth', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const wire = () => cluster.wire;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  test('Certificates API should support CSR API operations', async () => {
    const requests = typed(wire(), 'certificates.k8s.io/v1', 'CertificateSigningRequest');
    const unstructured = dynamic(wire(), 'certificates.k8s.io/v1', 'CertificateSigningRequest');
    const signerName = 'example.com/e2e-certificates';
    const usages = ['digital signature', 'key encipherment', 'server auth'];
    const request = await certificateRequest('e2e.example.com');
    const template = {
      metadata: { generateName: 'e2e-example-csr-' },
      spec: { request, signerName, expirationSeconds: 3600, usages },
    };
    for (const _ of [1, 2]) await requests.create(template);
    const created = await requests.create(template);
    const { name, uid } = created.metadata;
    const read = await requests.get(name);
    assert.deepEqual([read.metadata.uid, read.spec.expirationSeconds], [uid, 3600]);
    const bySigner = { fieldSelector: `spec.signerName=${signerName}` };
    const list = await requests.list(bySigner);
    assert.equal(list.items.length, 3);
    const watch = await requests.watch({
      resourceVersion: list.metadata.resourceVersion,
      fieldSelector: `metadata.name=${name}`,
    });
    const patched = await requests.patch(name, 'merge', { metadata: { annotations: { patched: 'true' } } });
    patched.metadata.annotations.updated = 'true';
    assert.equal((await requests.update(patched)).metadata.annotations.updated, 'true');
    const { type, object } = await watch.next('the patched request');
    assert.deepEqual([type, object.metadata.annotations.patched], ['MODIFIED', 'true']);
    watch.stop();

    const condition = (of: string): Sent => ({
      type: of,
      status: 'True',
      reason: 'E2E',
      message: 'Set from an e2e test',
    });
    const approval = await unstructured.get(name, 'approval');
    assert.deepEqual([approval.kind, approval.metadata.uid], ['CertificateSigningRequest', uid]);
    const approvalPatch = {
      metadata: { annotations: { patchedapproval: 'true' } },
      status: { conditions: [{ type: 'ApprovalPatch', status: 'True', reason: 'e2e' }] },
    };
    const patchedApproval = await requests.patch(name, 'merge', approvalPatch, 'approval');
    assert.deepEqual(
      patchedApproval.status.conditions.map((each: Sent) => each.type),
      ['ApprovalPatch'],
    );
    assert.equal(patchedApproval.metadata.annotations.patchedapproval, 'true');
    patchedApproval.status.conditions.push(condition('Approved'));
    const approved = await requests.update(patchedApproval, 'approval');
    assert.deepEqual(
      approved.status.conditions.map((each: Sent) => each.type),
      ['ApprovalPatch', 'Approved'],
    );

    assert.equal((await unstructured.get(name, 'status')).metadata.uid, uid);
    const certificate = Buffer.from(cluster.connection.certificate).toString('base64');
    const statusPatch = { metadata: { annotations: { patchedstatus: 'true' } }, status: { certificate } };
    const patchedStatus = await requests.patch(name, 'merge', statusPatch, 'status');
    assert.equal(patchedStatus.status.certificate, certificate);
    assert.equal(patchedStatus.metadata.annotations.patchedstatus, 'true');
    patchedStatus.status.conditions.push(condition('StatusUpdate'));
    const updatedStatus = await requests.update(patchedStatus, 'status');
    assert.equal(updatedStatus.status.conditions.at(-1).type, 'StatusUpdate');

    await requests.delete(name);
    assert.ok(await requests.isGone(name));
    assert.equal((await requests.list(bySigner)).items.length, 2);
    await requests.deleteCollection(bySigner);
    assert.equal((await requests.list(bySigner)).items.length, 0);
  });

  test('SubjectReview should support SubjectReview API operations', async () => {
    const namespace = await cluster.namespace('subjectreview');
    const account = await typed(wire(), 'v1', 'ServiceAccount', namespace).create({ metadata: { name: 'e2e' } });
    const user = `system:serviceaccount:${namespace}:e2e`;
    const groups = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const { uid } = account.metadata;
    const impersonate = {
      'impersonate-user': user,
      'impersonate-uid': uid,
      'impersonate-group': groups as never,
    };
    const impersonated = new Wire(cluster.connection, impersonate);
    const resourceAttributes = { verb: 'list', resource: 'configmaps', namespace, version: 'v1' };
    const spec = { resourceAttributes, user, groups, uid };
    const reviews = typed(wire(), 'authorization.k8s.io/v1', 'SubjectAccessReview');
    const locals = typed(wire(), 'authorization.k8s.io/v1', 'LocalSubjectAccessReview', namespace);
    const isAllowed = (await refusal(typed(impersonated, 'v1', 'ConfigMap', namespace).list(), 403)) === undefined;
    const review = await reviews.create({ metadata: {}, spec });
    const local = await locals.create({ metadata: { namespace }, spec });
    for (const { status } of [review, local]) assert.equal(status.allowed ?? false, isAllowed);
    impersonated.close();
  });

  test('SelfSubjectReview should support SelfSubjectReview API operations', async () => {
    const extra = { 'impersonate-user': 'jane@example.com', 'impersonate-group': 'developers' };
    const jane = new Wire(cluster.connection, { ...extra, 'impersonate-extra-team': 'e2e', 'impersonate-uid': '1234' });
    const review = await typed(jane, 'authentication.k8s.io/v1', 'SelfSubjectReview').create({ metadata: {} });
    assert.deepEqual(review.status.userInfo, {
      username: 'jane@example.com',
      uid: '1234',
      groups: ['developers', 'system:authenticated'],
      extra: { team: ['e2e'] },
    });
    jane.close();
  });

  test('ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace', async () => {
    const maps = typed(wire(), 'v1', 'ConfigMap', await cluster.namespace('svcaccounts'));
    const name = 'kube-root-ca.crt';
    const authority = await eventually('the root certificate', async () =>
      (await maps.isGone(name)) ? undefined : (await maps.get(name)).data['ca.crt'],
    );
    await maps.delete(name);
    await eventually('it is made again', async () => !(await maps.isGone(name)));
    await update(maps, name, '', { data: { 'ca.crt': '' } });
    await eventually('it is set right', async () => (await maps.get(name)).data['ca.crt'] === authority);
  });

  test('ServiceAccounts should allow opting out of API token automount', async () => {
    const namespace = await cluster.namespace('svcaccounts');
    const accounts = typed(wire(), 'v1', 'ServiceAccount', namespace);
    const pods = typed(wire(), 'v1', 'Pod', namespace);
    const choices = { default: undefined, mount: true, nomount: false } as const;
    for (const [name, automount] of Object.entries(choices).slice(1))
      await accounts.create({ metadata: { name }, automountServiceAccountToken: automount });
    for (const [serviceAccountName, ofAccount] of Object.entries(choices)) {
      for (const [spec, ofPod] of Object.entries(choices)) {
        const asked = ofPod === undefined ? {} : { automountServiceAccountToken: ofPod };
        const made = await pods.create({
          metadata: { name: `pod-service-account-${serviceAccountName}-${spec}` },
          spec: { serviceAccountName, containers, ...asked },
        });
        const mounts = made.spec.containers[0].volumeMounts ?? [];
        const path = '/var/run/secrets/kubernetes.io/serviceaccount';
        const isMounted = mounts.some(({ mountPath }: Sent) => mountPath === path);
        assert.equal(isMounted, ofPod ?? ofAccount ?? true, made.metadata.name);
      }
    }
    await pods.deleteCollection();
  });

  test('ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer', async () => {
    const namespace = await cluster.namespace('issuer');
    const accounts = typed(wire(), 'v1', 'ServiceAccount', namespace);
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: 'default', namespace },
      spec: { audiences: ['oidc-discovery-test'], expirationSeconds: 600 },
    };
    const { status } = await accounts.createSubresource('default', 'token', request);
    const [head, body] = status.token.split('.').map((part: string) => Buffer.from(part, 'base64url').toString());
    const claims = JSON.parse(body);
    assert.deepEqual(claims.aud, ['oidc-discovery-test']);
    const { server, authority } = cluster.connection;
    const nobody = { server, authority, certificate: '', key: '' };
    const plain = await accounts.createSubresource('default', 'token', {
      ...request,
      spec: { expirationSeconds: 600 },
    });
    const pod = new Wire(nobody, { authorization: `Bearer ${plain.status.token}` });
    const discovery = await pod.json('/.well-known/openid-configuration');
    assert.equal(discovery.issuer, claims.iss);
    const { keys } = await pod.json(new URL(discovery.jwks_uri).pathname);
    assert.ok(keys.some(({ kid }: Sent) => kid === JSON.parse(head).kid));
    pod.close();
  });

  test('a review of a token knows its account, pod and audience', async () => {
    const namespace = await cluster.namespace('tokenreview');
    const pod = await typed(wire(), 'v1', 'Pod', namespace).create({
      metadata: { name: 'bound' },
      spec: { containers },
    });
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'bound', uid: pod.metadata.uid };
    const accounts = typed(wire(), 'v1', 'ServiceAccount', namespace);
    const { status } = await accounts.createSubresource('default', 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: 'default', namespace },
      spec: { audiences: ['vault'], boundObjectRef },
    });
    const reviews = typed(wire(), 'authentication.k8s.io/v1', 'TokenReview');
    const review = (spec: object): Promise<Sent> =>
      reviews.create({ metadata: {}, spec: { token: status.token, ...spec } });
    const known = await review({ audiences: ['vault', 'other'] });
    assert.equal(known.status.authenticated, true);
    assert.deepEqual(known.status.audiences, ['vault']);
    assert.equal(known.status.user.username, `system:serviceaccount:${namespace}:default`);
    assert.deepEqual(known.status.user.extra['authentication.kubernetes.io/pod-name'], ['bound']);
    assert.equal((await review({})).status.authenticated ?? false, false);
  });
});
