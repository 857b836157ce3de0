/**
 * Certificates by the API, as kubectl 1.36 sees them: asked for, approved, signed and used; denied; a machine's first one with a token;
 * bundles of trust.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bootstrapIdentity } from '../../src/agent/certificates/bootstrap.ts';
import { makeCertificateRequest, type RequestOptions } from '../../src/api/certificates/make-request.ts';
import { makeKubeconfig } from '../../src/client/kubeconfig.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { eventually, findKubectl, run, TestCluster } from '../harness.ts';
import { checkRows } from './command-table.ts';

const clock = new RealClock({ keepsAlive: true });

interface Csr {
  readonly status: { readonly certificate?: string; readonly conditions?: readonly { readonly reason?: string }[] };
}

describe('certificates on a simulated cluster', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
  });
  after(() => TestCluster.closeAll());

  /** Makes a CertificateSigningRequest and returns the key. */
  async function ask(name: string, options: RequestOptions, spec: object = {}): Promise<string> {
    const { request, key } = await makeCertificateRequest(options);
    const object = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
        ...spec,
      },
    };
    const made = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
    assert.equal(made.code, 0, made.stderr);
    return key;
  }

  const issued = (name: string): Promise<string> =>
    eventually(`the certificate ${name}`, async () => {
      const { status } = await cluster.json<Csr>('get', 'csr', name);
      return status.certificate && Buffer.from(status.certificate, 'base64').toString();
    });

  /** kubectl with another kubeconfig. */
  async function kubectlWith(kubeconfig: string, ...args: string[]) {
    return run(await findKubectl(), ['--kubeconfig', kubeconfig, ...args]);
  }

  test('a certificate is asked for, approved, signed, and its holder is known by it', async () => {
    const key = await ask(
      'ann',
      { commonName: 'ann', organizations: ['devs'], key: 'rsa' },
      { expirationSeconds: 3600 },
    );
    await checkRows(cluster, [
      ['get csr ann', /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION$/m],
      ['get csr ann', /^ann +\S+ +kubernetes\.io\/kube-apiserver-client +naru-admin +60m +Pending$/m],
      ['certificate approve ann --as=eve --as-group=system:authenticated', /forbidden/, 'fails'],
      ['certificate approve ann', /approved/],
    ]);
    const certificate = await issued('ann');
    await checkRows(cluster, [['get csr ann', /Approved,Issued$/m]]);
    const x509 = new X509Certificate(certificate);
    assert.equal(x509.validToDate.getTime() - x509.validFromDate.getTime(), 3900_000);
    const kubeconfig = path.join(cluster.home, 'ann.kubeconfig');
    const { server, authority } = cluster.connection;
    const text = { server, ca: authority, clientCert: certificate, clientKey: key, user: 'ann', cluster: 'c' };
    writeFileSync(kubeconfig, makeKubeconfig(text));
    const { stdout } = await kubectlWith(kubeconfig, 'auth', 'whoami', '-o', 'json');
    const { status } = JSON.parse(stdout) as { status: { userInfo: { username: string; groups: string[] } } };
    assert.deepEqual([status.userInfo.username, status.userInfo.groups], ['ann', ['devs', 'system:authenticated']]);
    assert.match((await kubectlWith(kubeconfig, 'get', 'pods')).stderr, /User "ann" cannot list resource "pods"/);
    await cluster.mustKubectl('create', 'clusterrolebinding', 'devs', '--clusterrole=view', '--group=devs');
    await eventually('the role', async () => (await kubectlWith(kubeconfig, 'get', 'pods')).code === 0 || undefined);
  });

  test('who may approve for all signers is not yet allowed to for one', async () => {
    await ask('guarded', { commonName: 'x' }, { signerName: 'example.com/web' });
    const rules = [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['signers'],
        resourceNames: ['example.com/*'],
        verbs: ['approve'],
      },
    ];
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'rest' }, rules };
    const made = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(role) });
    assert.equal(made.code, 0, made.stderr);
    await checkRows(cluster, [
      [
        'create clusterrole half --verb=get,list,update --resource=certificatesigningrequests,certificatesigningrequests/approval',
        /created/,
      ],
      ['create clusterrolebinding half --clusterrole=half --user=eve', /created/],
      [
        'certificate approve guarded --as=eve',
        /"guarded" is forbidden: user not permitted to approve requests with signerName "example\.com\/web"/,
        'fails',
      ],
      ['create clusterrolebinding rest --clusterrole=rest --user=eve', /created/],
      ['certificate approve guarded --as=eve', /approved/],
      ['get csr guarded', /Approved$/m],
    ]);
  });

  test('what is denied is not signed; what breaks the rules fails; nobody becomes master', async () => {
    await ask('no', { commonName: 'no' });
    await checkRows(cluster, [
      ['certificate deny no', /denied/],
      ['get csr no', /Denied$/m],
    ]);
    await ask('bad', { commonName: 'bad' }, { usages: ['server auth'] });
    await cluster.mustKubectl('certificate', 'approve', 'bad');
    await eventually(
      'the failure',
      async () => /Approved,Failed$/m.test(await cluster.mustKubectl('get', 'csr', 'bad')) || undefined,
    );
    await assert.rejects(
      ask('master', { commonName: 'x', organizations: ['system:masters'] }),
      /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed/,
    );
  });

  test('a machine that holds a bootstrap token gets its first certificate, and renews it as itself', async () => {
    const token = 'abcdef.0123456789abcdef';
    const [id = '', secret = ''] = token.split('.');
    const stringData = {
      'token-id': id,
      'token-secret': secret,
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    };
    const metadata = { namespace: 'kube-system', name: `bootstrap-token-${id}` };
    const object = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'bootstrap.kubernetes.io/token', stringData };
    const made = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
    assert.equal(made.code, 0, made.stderr);
    const { server, authority } = cluster.connection;
    const bootstrapKubeconfig = path.join(cluster.home, 'boot.kubeconfig');
    writeFileSync(bootstrapKubeconfig, makeKubeconfig({ server, ca: authority, token, user: 'boot', cluster: 'c' }));
    const kubeconfig = path.join(cluster.home, 'joined.kubeconfig');
    const { signal } = new AbortController();
    const options = { kubeconfig, bootstrapKubeconfig, node: 'joined', clock, log: silentLogger, signal };
    await bootstrapIdentity(options);
    assert.equal(statSync(kubeconfig).mode & 0o777, 0o600);
    assert.match((await kubectlWith(kubeconfig, 'auth', 'whoami')).stdout, /system:node:joined/);
    // It is good: nothing is asked for again.
    const { mtimeMs } = statSync(kubeconfig);
    await bootstrapIdentity(options);
    assert.equal(statSync(kubeconfig).mtimeMs, mtimeMs);
    // As itself, and not as whoever holds a token.
    const again = path.join(cluster.home, 'renewed.kubeconfig');
    await bootstrapIdentity({ ...options, kubeconfig: again, bootstrapKubeconfig: kubeconfig });
    assert.match((await kubectlWith(again, 'auth', 'whoami')).stdout, /system:node:joined/);
  });

  test('the API server’s authority is published for everybody', async () => {
    const [bundle] = (
      await cluster.json<{ items: { metadata: { name: string }; spec: { trustBundle: string } }[] }>(
        'get',
        'clustertrustbundles',
        '--field-selector=spec.signerName=kubernetes.io/kube-apiserver-serving',
      )
    ).items;
    assert.equal(bundle?.spec.trustBundle, cluster.connection.authority);
    await checkRows(cluster, [
      ['get clustertrustbundles', /^NAME +SIGNERNAME$/m],
      [`get clustertrustbundles ${bundle?.metadata.name}`, / kubernetes\.io\/kube-apiserver-serving$/m],
      [
        'auth can-i list clustertrustbundles --as=system:serviceaccount:default:any --as-group=system:serviceaccounts',
        /^yes$/m,
      ],
    ]);
  });
});
