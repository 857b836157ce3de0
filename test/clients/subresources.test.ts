/** Real kubectl 1.36 against simulated nodes: tokens of service accounts, draining a node within a budget, and the proxy's refusals. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { NodeList, Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../src/api/schema/types/policy-v1.ts';
import { eventually, TestCluster } from '../harness.ts';

describe('subresources through kubectl', { timeout: 300_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
  });
  after(() => TestCluster.closeAll());

  const asBot = (token: string, ...args: string[]) => {
    const { server } = cluster.connection;
    // A kubeconfig of its own: the administrator's certificate would be shown, and believed, before the token.
    return cluster.kubectl([
      '--kubeconfig',
      '/dev/null',
      '--server',
      server,
      '--insecure-skip-tls-verify',
      '--token',
      token,
      ...args,
    ]);
  };

  test('create token gives a token that its account can log in with, and that a review knows', async () => {
    await cluster.mustKubectl('create', 'serviceaccount', 'bot');
    const token = (await cluster.mustKubectl('create', 'token', 'bot', '--duration', '20m')).trim();
    const whoami = await asBot(token, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}');
    assert.equal(whoami.stdout, 'system:serviceaccount:default:bot', whoami.stderr);
    const refused = await asBot(token, 'get', 'pods');
    assert.match(
      refused.stderr,
      /pods is forbidden: User "system:serviceaccount:default:bot" cannot list resource "pods"/,
    );
    const keys = await asBot(token, 'get', '--raw', '/openid/v1/jwks');
    assert.match(keys.stdout, /^{"keys":\[{/, keys.stderr);
    const review = `{apiVersion: authentication.k8s.io/v1, kind: TokenReview, spec: {token: ${token}}}`;
    const reviewed = await cluster.kubectl(['create', '-f', '-', '-o', 'jsonpath={.status.authenticated}'], {
      input: review,
    });
    assert.equal(reviewed.stdout, 'true', reviewed.stderr);
    await cluster.mustKubectl('delete', 'serviceaccount', 'bot');
    assert.match((await asBot(token, 'auth', 'whoami')).stderr, /Unauthorized|must be logged in/);
  });

  test('a pod gets its account’s token, and none where account or pod do not want it', async () => {
    await cluster.mustKubectl('create', 'serviceaccount', 'plain');
    await cluster.mustKubectl('patch', 'serviceaccount', 'plain', '-p', '{"automountServiceAccountToken":false}');
    await cluster.mustKubectl('run', 'with', '--image=x');
    await cluster.mustKubectl('run', 'without', '--image=x', '--overrides={"spec":{"serviceAccountName":"plain"}}');
    const volumes = async (name: string) => (await cluster.json<Pod>('get', 'pod', name)).spec?.volumes ?? [];
    assert.match((await volumes('with'))[0]?.name ?? '', /^kube-api-access-[a-z0-9]{5}$/);
    assert.deepEqual(await volumes('without'), []);
    const unknown = await cluster.kubectl([
      'run',
      'lost',
      '--image=x',
      '--overrides={"spec":{"serviceAccountName":"nobody"}}',
    ]);
    assert.match(unknown.stderr, /error looking up service account default\/nobody: serviceaccount "nobody" not found/);
    await cluster.mustKubectl('create', 'namespace', 'fresh');
    await cluster.mustKubectl('-n', 'fresh', 'run', 'first', '--image=x');
    await cluster.mustKubectl('delete', 'namespace', 'fresh');
    await cluster.mustKubectl('delete', 'pod', 'with', 'without', '--now');
  });

  test('a drain respects the budget, and ends when the budget lets it', async () => {
    await cluster.mustKubectl('create', 'deployment', 'shop', '--image=x', '--replicas=4');
    await cluster.mustKubectl('create', 'pdb', 'shop', '--selector=app=shop', '--min-available=4');
    await cluster.mustKubectl('rollout', 'status', 'deployment/shop', '--timeout=60s');
    const budget = () => cluster.json<PodDisruptionBudget>('get', 'pdb', 'shop');
    await eventually('the budget is counted', async () => (await budget()).status?.currentHealthy === 4);
    assert.equal((await budget()).status?.disruptionsAllowed, 0);
    const [node] = (await cluster.json<NodeList>('get', 'nodes')).items;
    const name = node?.metadata?.name ?? '';
    const blocked = await cluster.kubectl(['drain', name, '--timeout=4s', '--ignore-daemonsets', '--force']);
    assert.notEqual(blocked.code, 0);
    assert.match(blocked.stderr, /Cannot evict pod as it would violate the pod's disruption budget\./);
    const shop = async () => (await cluster.json<PodList>('get', 'pods', '-l', 'app=shop')).items;
    assert.equal((await shop()).filter(({ metadata }) => metadata?.deletionTimestamp !== undefined).length, 0);
    await cluster.mustKubectl('patch', 'pdb', 'shop', '--type=merge', '-p', '{"spec":{"minAvailable":3}}');
    await cluster.mustKubectl('drain', name, '--timeout=120s', '--ignore-daemonsets', '--force');
    assert.deepEqual(
      (await shop()).filter(({ spec }) => spec?.nodeName === name),
      [],
    );
    await eventually('all four are back', async () => (await budget()).status?.currentHealthy === 4);
    await cluster.mustKubectl('uncordon', name);
  });

  test('a dry run of an eviction asks the budget and evicts nobody', async () => {
    const [pod] = (await cluster.json<PodList>('get', 'pods', '-l', 'app=shop')).items;
    const name = pod?.metadata?.name ?? '';
    const path = `/api/v1/namespaces/default/pods/${name}/eviction?dryRun=All`;
    const body = `{"apiVersion":"policy/v1beta1","kind":"Eviction","metadata":{"name":"${name}"}}`;
    const answer = await cluster.kubectl(['create', '--raw', path, '-f', '-'], { input: body });
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal((await cluster.json<Pod>('get', 'pod', name)).metadata?.deletionTimestamp, undefined);
  });

  test('the proxy says why it does not reach anybody, and reaches the node itself', async () => {
    await cluster.mustKubectl('run', 'web', '--image=x', '--port=80', '--expose');
    await cluster.mustKubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s');
    const inDefault = '/api/v1/namespaces/default';
    const cases: readonly (readonly [string, RegExp])[] = [
      [`${inDefault}/pods/web/proxy/`, /ServiceUnavailable.*error trying to reach service: /],
      [`${inDefault}/services/web/proxy/`, /ServiceUnavailable.*error trying to reach service: /],
      [`${inDefault}/services/web:other/proxy/`, /no endpoints available for service "web:other"/],
      [`${inDefault}/services/web:81/proxy/`, /no service port 81 found for service "web"/],
      [`${inDefault}/services/none/proxy/`, /NotFound/],
      [`${inDefault}/pods/ftp:web:1/proxy/`, /invalid pod request "ftp:web:1"/],
    ];
    for (const [path, expected] of cases)
      assert.match((await cluster.kubectl(['get', '--raw', path])).stderr, expected);
    assert.equal(await cluster.mustKubectl('get', '--raw', '/api/v1/nodes/simulated-1/proxy/healthz'), 'ok');
  });
});
