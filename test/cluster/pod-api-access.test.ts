/**
 * A pod that calls the API with what is mounted into it: its token, the cluster's authority, its namespace. It runs in the machine's own
 * network, where the API listens; that pods reach it by the Service `kubernetes` is service routing's.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { leftSince, machineState, run, TestCluster } from '../harness.ts';
import { create, PodWatch, type PodWishes, podManifest, script } from './workload.ts';

const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
const curl = '/usr/bin/curl';

/** Programs that a test machine may lack. */
async function install(name: string): Promise<void> {
  const { code, stderr } = await run('apt-get', ['install', '-y', '--no-install-recommends', name], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: 300_000,
  });
  assert.equal(code, 0, stderr);
}

describe('a pod and the API', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    if (!existsSync(curl)) await install('curl');
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', curl, '--name', 'test/curl:1');
    await cluster.mustKubectl('create', 'serviceaccount', 'caller');
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  /** Lets the pod run to its end, and resolves with what it wrote. */
  const output = async (name: string, text: string, wishes: PodWishes = {}): Promise<readonly [string, Pod]> => {
    const container = { ...script(text), image: 'test/curl:1' };
    const spec = { hostNetwork: true, serviceAccountName: 'caller', ...wishes, containers: [container] };
    await create(cluster, podManifest(name, spec));
    const pod = await watch.ended(name);
    return [await cluster.mustKubectl('logs', name), pod];
  };

  /** Asks the API for the ConfigMaps of the namespace that is told to the pod. */
  const call = (): string =>
    `curl -sS --cacert ${folder}/ca.crt -H "Authorization: Bearer $(cat ${folder}/token)" -w '\\n%{http_code}\\n' ` +
    `${cluster.connection.server}/api/v1/namespaces/$(cat ${folder}/namespace)/configmaps`;

  test('is known there by its account, and may what a role allows it', async () => {
    const [refused] = await output('refused', call());
    assert.match(refused, /^403$/m, refused);
    assert.match(
      refused,
      /configmaps is forbidden: User \\"system:serviceaccount:default:caller\\" cannot list resource \\"configmaps\\" in API group \\"\\" in the namespace \\"default\\"/,
    );
    await cluster.mustKubectl('create', 'role', 'reader', '--verb=list', '--resource=configmaps');
    await cluster.mustKubectl('create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount=default:caller');
    const [allowed] = await output('allowed', call());
    assert.match(allowed, /^200$/m, allowed);
    assert.match(allowed, /"kind": ?"ConfigMapList"[^]*"name": ?"kube-root-ca\.crt"/);
  });

  test('shows a token that names the pod and its node, and that only those in the pod can read', async () => {
    const text = `cat ${folder}/token; echo; stat -L -c '%a %u:%g' ${folder}/token; ls ${folder}`;
    const [shown, pod] = await output('shown', text, { securityContext: { runAsUser: 1234, fsGroup: 4321 } });
    const [token = '', owner, ...names] = shown.trimEnd().split('\n');
    assert.equal(owner, '640 1234:4321');
    assert.deepEqual(names, ['ca.crt', 'namespace', 'token']);
    const { 'kubernetes.io': claims } = decodeJwt<{
      readonly 'kubernetes.io': Readonly<Record<'pod' | 'node', { readonly name: string; readonly uid: string }>>;
    }>(token);
    assert.deepEqual(claims.pod, { name: 'shown', uid: pod.metadata?.uid });
    assert.equal(claims.node.name, pod.spec?.nodeName);
  });

  test('has no token where it wants none, and the API then knows nobody', async () => {
    const url = `${cluster.connection.server}/api/v1/namespaces/default/configmaps`;
    const text = `ls ${folder} 2>&1; curl -sSk -w '\\n%{http_code}\\n' ${url}`;
    const [shown] = await output('without', text, { automountServiceAccountToken: false });
    assert.match(shown, /No such file or directory/);
    assert.match(shown, /User \\"system:anonymous\\" cannot list resource[^]*^403$/m);
  });
});
