/** The way to a program in a real container through the API, and the container's own way back with its token. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { create, isReady, podManifest, script } from './workload.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

describe('a program in a pod, through the API', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    cluster = await TestCluster.up();
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    const site = 'mkdir /www && echo hello > /www/index.txt && echo "<a href=/index.txt>x</a>" > /www/page.html';
    const ports = [{ name: 'www', containerPort: 8080 }];
    await create(
      cluster,
      podManifest('web', {
        labels: { app: 'web' },
        containers: [script(`${site} && exec httpd -f -p 8080 -h /www`, { ports })],
      }),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'www' }] },
      },
    );
    await eventually('the server is ready', async () => isReady(await cluster.json<Pod>('get', 'pod', 'web')));
  });

  after(async () => {
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const base = '/api/v1/namespaces/default';
  const raw = (path: string) => cluster.kubectl(['get', '--raw', `${base}${path}`]);
  const isUp = async (): Promise<boolean> => (await raw('/pods/web/proxy/index.txt')).stdout === 'hello\n';

  test('pods and services are reached by name and port', async () => {
    await eventually('the server listens', isUp);
    for (const path of ['pods/web', 'pods/web:8080', 'pods/http:web:8080', 'services/web:http', 'services/web:80']) {
      const { stdout, stderr } = await raw(`/${path}/proxy/index.txt`);
      assert.equal(stdout, 'hello\n', `${path}: ${stderr}`);
    }
    assert.match(
      (await raw('/pods/web/proxy/page.html')).stdout,
      /<a href=\/api\/v1\/namespaces\/default\/pods\/web\/proxy\/index\.txt>/,
    );
  });

  test('what is not there says so, and a pod’s own 404 is its own', async () => {
    assert.match(
      (await raw('/pods/web:81/proxy/')).stderr,
      /error trying to reach service: dial tcp [\d.]+:81: connect: connection refused/,
    );
    assert.match((await raw('/services/https:web:http/proxy/')).stderr, /error trying to reach service: /);
    assert.notEqual((await raw('/pods/web/proxy/none')).code, 0);
  });

  test('nobody gets elsewhere by writing an address into a pod’s status', async () => {
    await eventually('the server listens', isUp);
    const { status } = await cluster.json<Pod>('get', 'pod', 'web');
    const claim = async (podIP = ''): Promise<void> => {
      const patch = JSON.stringify({ status: { podIP, podIPs: [{ ip: podIP }] } });
      await cluster.mustKubectl('patch', 'pod', 'web', '--subresource=status', '--type=merge', '-p', patch);
    };
    for (const podIP of ['127.0.0.1', '169.254.169.254']) {
      await claim(podIP);
      const { stdout, stderr } = await raw('/pods/web/proxy/index.txt');
      // The node may have put it right already.
      assert.ok(stdout === 'hello\n' || /address not allowed/.test(stderr), stderr);
    }
    await claim('192.0.2.7');
    assert.ok(await isUp(), 'the node dials the address that its runtime gave the pod');
    await claim(status?.podIP);
  });

  test('a pod has its token, the cluster’s authority and its namespace, and the token is good', async () => {
    const where = await cluster.mustKubectl(
      'get',
      'pod',
      'web',
      '-o',
      'jsonpath={.spec.containers[0].volumeMounts[0].mountPath}',
    );
    assert.equal(where, mountPath);
    await create(
      cluster,
      podManifest('reader', {
        containers: [script(`cd ${mountPath} && cat token && echo && cat namespace && echo && cat ca.crt`)],
      }),
    );
    await eventually(
      'it has read',
      async () => (await cluster.json<Pod>('get', 'pod', 'reader')).status?.phase === 'Succeeded',
    );
    const [token = '', namespace, ...certificate] = (await cluster.mustKubectl('logs', 'reader')).split('\n');
    assert.equal(namespace, 'default');
    assert.equal(certificate[0], '-----BEGIN CERTIFICATE-----');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      readonly sub: string;
      readonly 'kubernetes.io': { readonly pod: { readonly name: string }; readonly node: { readonly name: string } };
    };
    assert.equal(claims.sub, 'system:serviceaccount:default:default');
    assert.equal(claims['kubernetes.io'].pod.name, 'reader');
    assert.ok(claims['kubernetes.io'].node.name);
    const asPod = () =>
      cluster.kubectl([
        '--kubeconfig',
        '/dev/null',
        '--server',
        cluster.connection.server,
        '--insecure-skip-tls-verify',
        '--token',
        token,
        'auth',
        'whoami',
        '-o',
        'json',
      ]);
    const { stdout, stderr } = await asPod();
    assert.match(stdout, /"authentication\.kubernetes\.io\/pod-name": \[\s+"reader"/, stderr);
    await cluster.mustKubectl('delete', 'pod', 'reader', '--now');
    assert.notEqual((await asPod()).code, 0, 'a token ends with its pod');
  });
});
