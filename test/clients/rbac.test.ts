/** Who may do what, as kubectl 1.36 sees it: roles in one namespace, gathered roles, grants beyond one's own, `auth can-i` and `reconcile`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, findKubectl, run, TestCluster } from '../harness.ts';
import { checkRows, type Row } from './command-table.ts';

const bot = 'system:serviceaccount:team:bot';

const oneNamespace: readonly Row[] = [
  ['create namespace team', /created/],
  ['create serviceaccount bot -n team', /created/],
  [`auth can-i list pods -n team --as=${bot}`, /^no$/m, 'fails'],
  ['create role reader --verb=get,list --resource=pods,pods/log -n team', /created/],
  ['create rolebinding reader --role=reader --serviceaccount=team:bot -n team', /created/],
  [`auth can-i list pods -n team --as=${bot}`, /^yes$/m],
  [`auth can-i get pods --subresource=log -n team --as=${bot}`, /^yes$/m],
  [`auth can-i list pods -n default --as=${bot}`, /^no$/m, 'fails'],
  [`auth can-i list pods -A --as=${bot}`, /^no$/m, 'fails'],
  [`auth can-i delete pods -n team --as=${bot}`, /^no$/m, 'fails'],
  [`get pods -n team --as=${bot}`, /^No resources found in team namespace\.$/m],
  [
    `get pods -n default --as=${bot}`,
    /pods is forbidden: User "system:serviceaccount:team:bot" cannot list resource "pods" in API group "" in the namespace "default"/,
    'fails',
  ],
  [`auth can-i --list -n team --as=${bot}`, /^pods\/log +\[\] +\[\] +\[get list\]$/m],
  [`auth can-i get /version --as=${bot}`, /^yes$/m],
  [`auth can-i get /.well-known/openid-configuration --as=${bot}`, /^yes$/m],
  ['auth can-i get /metrics --as=ann', /^no$/m, 'fails'],
  ['get --raw /version --as=system:anonymous', /"minor": ?"36"/],
  [
    'auth can-i get /api --as=system:anonymous',
    /selfsubjectaccessreviews\.authorization\.k8s\.io is forbidden/,
    'fails',
  ],
  ['auth can-i * *', /^yes$/m],
  ['delete rolebinding reader -n team', /deleted/],
  [`auth can-i list pods -n team --as=${bot}`, /^no$/m, 'fails'],
  ['create rolebinding gone --role=nowhere --user=ann -n team', /created/],
  [
    'get secrets -n team --as=ann',
    /namespace "team": RBAC: role\.rbac\.authorization\.k8s\.io "nowhere" not found/,
    'fails',
  ],
  ['delete rolebinding gone -n team', /deleted/],
];

const granting: readonly Row[] = [
  ['create clusterrolebinding editor --clusterrole=edit --user=eve', /created/],
  ['auth can-i create deployments --as=eve', /^yes$/m],
  ['auth can-i create roles --as=eve', /^no$/m, 'fails'],
  ['create rolebinding owner --clusterrole=admin --user=olga -n team', /created/],
  ['create role own --verb=get --resource=secrets -n team --as=olga', /created/],
  [
    'create role nodes --verb=get,list --resource=nodes -n team --as=olga',
    /roles\.rbac\.authorization\.k8s\.io "nodes" is forbidden: user "olga" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["nodes"\], Verbs:\["get" "list"\]\}/,
    'fails',
  ],
  ['create rolebinding up --clusterrole=cluster-admin --user=olga -n team --as=olga', /attempting to grant/, 'fails'],
  ['create rolebinding same --clusterrole=view --user=pia -n team --as=olga', /created/],
  ['auth can-i get pods -n team --as=pia', /^yes$/m],
  ['create clusterrolebinding all --clusterrole=view --user=olga --as=olga', /cannot create resource/, 'fails'],
];

const reconciling: readonly Row[] = [
  [
    'auth reconcile -f @/rbac-reconcile.yaml',
    /clusterrole\S+\/reconciled reconciled[^]*rolebinding\S+\/reconciled reconciled/,
  ],
  ['auth can-i list pods -n team --as=ann', /^yes$/m],
  ['auth reconcile -f @/rbac-reconcile.yaml', /reconciled/],
  [
    'patch clusterrole reconciled --type=merge -p {"rules":[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get"]}]}',
    /patched/,
  ],
  ['auth can-i list pods -n team --as=ann', /^no$/m, 'fails'],
  ['auth reconcile -f @/rbac-reconcile.yaml', /reconciled/],
  ['auth can-i list pods -n team --as=ann', /^yes$/m],
  ['auth can-i get deployments -n team --as=ann', /^yes$/m],
  ['auth reconcile -f @/rbac-reconcile.yaml --remove-extra-permissions', /reconciled/],
  ['auth can-i get deployments -n team --as=ann', /^no$/m, 'fails'],
];

interface Role {
  readonly rules: readonly { readonly resources?: readonly string[] }[];
}

describe('roles on a simulated cluster', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
  });
  after(() => TestCluster.closeAll());

  test('a role bound in one namespace holds there, for a service account as for anybody', async () => {
    await checkRows(cluster, oneNamespace);
  });

  test('a service account with its token may what its role says', async () => {
    await cluster.mustKubectl(
      'create',
      'rolebinding',
      'viewer',
      '--clusterrole=view',
      '--serviceaccount=team:bot',
      '-n',
      'team',
    );
    const token = (await cluster.mustKubectl('create', 'token', 'bot', '-n', 'team')).trim();
    const { server } = cluster.connection;
    const can = async (...args: string[]) => {
      const flags = [`--server=${server}`, `--token=${token}`, '--insecure-skip-tls-verify', '--kubeconfig=/dev/null'];
      return (await run(await findKubectl(), ['auth', 'can-i', ...args, ...flags])).stdout.trim();
    };
    assert.equal(await can('list', 'pods', '-n', 'team'), 'yes');
    assert.equal(await can('list', 'secrets', '-n', 'team'), 'no');
    assert.equal(await can('list', 'pods', '-n', 'default'), 'no');
  });

  test('the default roles are there, and those that gather others follow a new one', async () => {
    await eventually('the policy', async () => {
      const roles = await cluster.json<{ readonly items: readonly object[] }>('get', 'clusterroles');
      return roles.items.length >= 69 ? true : undefined;
    });
    const resourcesOfView = async () => {
      const { rules } = await cluster.json<Role>('get', 'clusterrole', 'view');
      return rules.flatMap(({ resources = [] }) => resources);
    };
    await cluster.mustKubectl('create', 'clusterrole', 'gadgets', '--verb=get', '--resource=pods,nodes');
    assert.ok(!(await resourcesOfView()).includes('nodes'));
    const label = 'rbac.authorization.k8s.io/aggregate-to-view=true';
    await cluster.mustKubectl('label', 'clusterrole', 'gadgets', label);
    await eventually('nodes in view', async () => ((await resourcesOfView()).includes('nodes') ? true : undefined));
    const { rules } = await eventually('nodes in admin', async () => {
      const admin = await cluster.json<Role>('get', 'clusterrole', 'admin');
      return admin.rules.some(({ resources = [] }) => resources.includes('nodes')) ? admin : undefined;
    });
    assert.equal(rules.length, 30);
    await cluster.mustKubectl('delete', 'clusterrole', 'gadgets');
    await eventually('no nodes in view', async () => ((await resourcesOfView()).includes('nodes') ? undefined : true));
  });

  test('nobody grants what they do not hold', async () => {
    await checkRows(cluster, granting);
  });

  test('auth reconcile adds what is missing, as often as it is called', async () => {
    await checkRows(cluster, reconciling);
  });
});
