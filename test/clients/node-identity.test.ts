/**
 * A node by its own certificate, as a stranger who stole it would use it: it reads what its pods need and writes what is its own; all else is
 * refused, by the node authorizer or by NodeRestriction.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../../src/lib/clock.ts';
import { CertificateAuthority } from '../../src/server/certificates/certificate-authority.ts';
import { type CommandResult, type Connection, findKubectl, run, TestCluster } from '../harness.ts';
import { argumentsOf, type Row } from './command-table.ts';

/** Words in which a part of the chain says no. */
const reading: readonly Row[] = [
  ['get secret mine -o name', /^secret\/mine$/m],
  ['get secret theirs', /no relationship found between node 'simulated-1' and this object/, 'fails'],
  ['get secret nobodys', /no relationship found between node 'simulated-1' and this object/, 'fails'],
  [
    'get secrets',
    /cannot list resource "secrets" in API group "" in the namespace "default": No Object name found/,
    'fails',
  ],
  ['get secrets -A', /at the cluster scope: can only read namespaced object of this type/, 'fails'],
  ['get secrets --field-selector metadata.name=mine -o name', /^secret\/mine$/m],
  ['get secrets --field-selector metadata.name=theirs', /no relationship found/, 'fails'],
  ['get configmap kube-root-ca.crt -o name', /^configmap\/kube-root-ca\.crt$/m],
  ['get configmap kube-root-ca.crt -n kube-system', /no relationship found/, 'fails'],
  // Whom policies are about, and who is behind a service, the network of each node must know: ClusterRole naru:node-network.
  ['get pods -A -o name', /^pod\/there$/m],
  ['get pods --field-selector spec.nodeName=simulated-1 -o name', /^pod\/here\n$/],
  ['get pod there', /no relationship found/, 'fails'],
  ['get nodes -o name', /^node\/simulated-2$/m],
  ['get node simulated-2', /node 'simulated-1' cannot read 'simulated-2', only its own Node object/, 'fails'],
  ['get node simulated-1 -o name', /^node\/simulated-1$/m],
  ['get serviceaccount default -o name', /^serviceaccount\/default$/m],
  ['get services -o name', /^service\/kubernetes$/m],
  ['get namespaces -o name', /^namespace\/default$/m],
  ['get namespace default', /cannot get resource "namespaces" in API group "" in the namespace "default"$/m, 'fails'],
  ['get persistentvolumes', /can only get individual resources of this type/, 'fails'],
  ['get lease simulated-1 -n kube-node-lease -o name', /lease\.coordination\.k8s\.io\/simulated-1/],
  ['get lease simulated-2 -n kube-node-lease', /can only access node lease with the same name/, 'fails'],
  ['auth can-i --list', /the list may be incomplete: node authorizer does not support user rule resolution/],
  ['auth can-i get secret/mine', /^yes$/m],
  ['auth can-i get secret/theirs', /^no - no relationship found between node 'simulated-1' and this object$/m, 'fails'],
];

const writing: readonly Row[] = [
  ['label node simulated-1 team=a', /labeled/],
  [
    'label node simulated-1 node-restriction.kubernetes.io/pool=x',
    /"simulated-1" is forbidden: is not allowed to modify labels: node-restriction\.kubernetes\.io\/pool/,
    'fails',
  ],
  [
    'label node simulated-1 node-role.kubernetes.io/control-plane=',
    /is not allowed to modify labels: node-role/,
    'fails',
  ],
  ['taint node simulated-1 k=v:NoSchedule', /node "simulated-1" is not allowed to modify taints/, 'fails'],
  ['delete node simulated-2', /cannot delete resource "nodes"/, 'fails'],
  [
    'delete pod there --wait=false',
    /node "simulated-1" can only delete pods with spec\.nodeName set to itself/,
    'fails',
  ],
  [
    'run own --image=app',
    /pod does not have "kubernetes\.io\/config\.mirror" annotation, node "simulated-1" can only create mirror pods/,
    'fails',
  ],
  ['create secret generic own --from-literal=a=b', /can only read resources of this type/, 'fails'],
  [
    'create clusterrolebinding own --clusterrole=cluster-admin --user=system:node:simulated-1',
    /cannot create resource/,
    'fails',
  ],
  ['create token default', /node requested token not bound to a pod/, 'fails'],
];

describe('a node with its own certificate', () => {
  let cluster: TestCluster;
  let connection: Connection;
  let asNode: (args: readonly string[]) => Promise<CommandResult>;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
    connection = await connectionOf(cluster, 'simulated-1');
    const kubeconfig = path.join(cluster.home, 'node.kubeconfig');
    writeFileSync(kubeconfig, kubeconfigOf(connection), { mode: 0o600 });
    const kubectl = await findKubectl();
    asNode = (args) => run(kubectl, ['--kubeconfig', kubeconfig, ...args]);
    for (const name of ['mine', 'theirs', 'nobodys']) {
      await cluster.mustKubectl('create', 'secret', 'generic', name, '--from-literal=a=b');
    }
    await runPod(cluster, 'here', 'simulated-1', 'mine');
    await runPod(cluster, 'there', 'simulated-2', 'theirs');
  });
  after(() => TestCluster.closeAll());

  const check = async (rows: readonly Row[]): Promise<void> => {
    for (const [command, expected, fails] of rows) {
      const { code, stdout, stderr } = await asNode(argumentsOf(command));
      assert.equal(code !== 0, fails === 'fails', `kubectl ${command} exited with ${code}: ${stdout}${stderr}`);
      assert.match(stdout + stderr, expected, `kubectl ${command}`);
    }
  };

  test('reads what its pods need, and nothing else', () => check(reading));

  test('writes what is its own, and nothing else', () => check(writing));

  test('gets tokens for pods that run on it', async () => {
    const token = async (pod: string) => {
      const uid = (await cluster.mustKubectl('get', 'pod', pod, '-o', 'jsonpath={.metadata.uid}')).trim();
      const bound = ['--bound-object-kind=Pod', `--bound-object-name=${pod}`, `--bound-object-uid=${uid}`];
      return asNode(['create', 'token', 'default', ...bound]);
    };
    assert.equal((await token('here')).code, 0);
    assert.match((await token('there')).stderr, /node requested token bound to a pod scheduled on a different node/);
  });

  test('writes no other node, its status neither, though its path is open to every node', async () => {
    const patch = (where: string) => send(connection, 'PATCH', where, '{"metadata":{"labels":{"a":"b"}}}');
    const refused = {
      status: 403,
      message: 'nodes "simulated-2" is forbidden: node "simulated-1" is not allowed to modify node "simulated-2"',
    };
    assert.deepEqual(await patch('/api/v1/nodes/simulated-2'), refused);
    assert.deepEqual(await patch('/api/v1/nodes/simulated-2/status'), refused);
    const status = await patch('/api/v1/namespaces/default/pods/there/status');
    assert.equal(
      status.message,
      'pods "there" is forbidden: node "simulated-1" can only update pod status for pods with spec.nodeName set to itself',
    );
    const eviction = '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"there"}}';
    assert.deepEqual(await send(connection, 'POST', '/api/v1/namespaces/default/pods/there/eviction', eviction), {
      status: 403,
      message: 'pods "there" is forbidden: node simulated-1 can only evict pods with spec.nodeName set to itself',
    });
  });

  test('loses the secret with the pod', async () => {
    await cluster.mustKubectl('delete', 'pod', 'here', '--force', '--grace-period=0');
    assert.match((await asNode(['get', 'secret', 'mine'])).stderr, /no relationship found/);
  });
});

async function connectionOf(cluster: TestCluster, node: string): Promise<Connection> {
  const folder = path.join(cluster.home, 'certificates');
  const authority = await CertificateAuthority.open({ folder, clock: new RealClock() });
  const { certificate, key } = await authority.issueClient({ user: `system:node:${node}`, groups: ['system:nodes'] });
  return { ...cluster.connection, certificate, key };
}

function kubeconfigOf({ server, authority, certificate, key }: Connection): string {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const access = { server, 'certificate-authority-data': base64(authority) };
  const user = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: access }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

async function runPod(cluster: TestCluster, name: string, nodeName: string, secret: string): Promise<void> {
  const spec = {
    nodeName,
    containers: [{ name: 'app', image: 'app', envFrom: [{ secretRef: { name: secret } }] }],
  };
  const overrides = JSON.stringify({ apiVersion: 'v1', spec });
  await cluster.mustKubectl('run', name, '--image=app', `--overrides=${overrides}`);
  await cluster.mustKubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=30s');
}

async function send(
  { server, authority, certificate, key }: Connection,
  method: string,
  where: string,
  body: string,
): Promise<{ readonly status: number; readonly message: string }> {
  const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = { 'Content-Type': contentType };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${server}${where}`,
      { method, headers, ca: authority, cert: certificate, key },
      (answer) => {
        text(answer).then((json) => {
          const { message = '' } = JSON.parse(json) as { message?: string };
          resolve({ status: answer.statusCode ?? 0, message });
        }, reject);
      },
    );
    outgoing.on('error', reject).end(body);
  });
}
