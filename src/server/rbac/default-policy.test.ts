import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '../../registry/request.ts';
import { defaultPolicy, withGatheredRules } from './default-policy.ts';
import { binding, RbacWorld, serviceAccount, user } from './testing.ts';

/** naru's own for its nodes' network, and Kubernetes 1.36 with its default features, ClusterTrustBundle, GenericWorkload and DRADeviceTaintRules, name and number of rules; 0 for those that gather theirs. */
const clusterRoles: Readonly<Record<string, number>> = {
  admin: 0,
  'cluster-admin': 2,
  edit: 0,
  'naru:node-network': 5,
  'system:aggregate-to-admin': 2,
  'system:aggregate-to-edit': 15,
  'system:aggregate-to-view': 12,
  'system:auth-delegator': 2,
  'system:basic-user': 2,
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': 1,
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': 1,
  'system:certificates.k8s.io:kube-apiserver-client-approver': 1,
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': 1,
  'system:certificates.k8s.io:kubelet-serving-approver': 1,
  'system:certificates.k8s.io:legacy-unknown-approver': 1,
  'system:discovery': 1,
  'system:heapster': 2,
  'system:kube-aggregator': 1,
  'system:kube-controller-manager': 11,
  'system:kube-dns': 1,
  'system:kube-scheduler': 30,
  'system:kubelet-api-admin': 4,
  'system:monitoring': 2,
  'system:node': 26,
  'system:node-bootstrapper': 1,
  'system:node-problem-detector': 3,
  'system:node-proxier': 5,
  'system:persistent-volume-provisioner': 5,
  'system:public-info-viewer': 1,
  'system:cluster-trust-bundle-discovery': 1,
  'system:service-account-issuer-discovery': 1,
  'system:volume-scheduler': 3,
  view: 0,
};

const controllers: Readonly<Record<string, number>> = {
  'acme-controller': 6,
  'attachdetach-controller': 8,
  'certificate-controller': 6,
  'clusterrole-aggregation-controller': 1,
  'cronjob-controller': 6,
  'daemon-set-controller': 8,
  'dependency-gate-controller': 4,
  'deployment-controller': 6,
  'device-taint-eviction-controller': 8,
  'disruption-controller': 9,
  'endpoint-controller': 4,
  'endpointslice-controller': 4,
  'endpointslicemirroring-controller': 5,
  'ephemeral-volume-controller': 4,
  'expand-controller': 4,
  'external-dns-controller': 5,
  'generic-garbage-collector': 2,
  'horizontal-pod-autoscaler': 8,
  'gateway-controller': 4,
  'ingress-controller': 4,
  'job-controller': 5,
  'kube-apiserver-serving-clustertrustbundle-publisher': 3,
  'legacy-service-account-token-cleaner': 2,
  'local-volume-provisioner': 5,
  'namespace-controller': 3,
  'node-controller': 5,
  'persistent-volume-binder': 9,
  'pod-garbage-collector': 3,
  'podgroup-protection-controller': 3,
  'pv-protection-controller': 2,
  'pvc-protection-controller': 4,
  'reload-controller': 4,
  'replicaset-controller': 5,
  'replication-controller': 5,
  'resource-claim-controller': 7,
  'resourcequota-controller': 3,
  'root-ca-cert-publisher': 2,
  'route-controller': 3,
  'selinux-warning-controller': 5,
  'service-account-controller': 2,
  'service-cidrs-controller': 5,
  'service-controller': 4,
  'statefulset-controller': 10,
  'ttl-after-finished-controller': 2,
  'ttl-controller': 2,
  'validatingadmissionpolicy-status-controller': 3,
  'volumeattributesclass-protection-controller': 4,
};

const named = <T extends { metadata?: { name?: string } }>(objects: readonly T[], value: (one: T) => unknown) =>
  Object.fromEntries(objects.map((one) => [one.metadata?.name ?? '', value(one)]));

test('the default ClusterRoles are those of Kubernetes 1.36, with as many rules each', () => {
  const wanted = {
    ...clusterRoles,
    ...Object.fromEntries(Object.entries(controllers).map(([name, count]) => [`system:controller:${name}`, count])),
  };
  assert.deepEqual(
    named(defaultPolicy().clusterroles, ({ rules }) => rules?.length),
    wanted,
  );
});

test('lists in the tables are sorted, as upstream writes them', () => {
  for (const { metadata, rules = [] } of defaultPolicy().clusterroles) {
    for (const { verbs, resources = [], nonResourceURLs = [], resourceNames = [] } of rules) {
      for (const list of [verbs, resources, nonResourceURLs, resourceNames]) {
        const isReadFirst = list.join() === 'get,list,watch';
        assert.ok(isReadFirst || list.join() === list.toSorted().join(), `${metadata?.name}: ${list.join()}`);
      }
    }
  }
});

test('each default is labelled, may be updated, and is bound to whom upstream binds it', () => {
  const { clusterroles, clusterrolebindings, roles, rolebindings } = defaultPolicy();
  for (const { metadata } of [...clusterroles, ...clusterrolebindings, ...roles, ...rolebindings]) {
    assert.equal(metadata?.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults');
    assert.equal(metadata?.annotations?.['rbac.authorization.kubernetes.io/autoupdate'], 'true');
  }
  const subjects = named(clusterrolebindings, (one) => one.subjects?.map(({ kind, name }) => `${kind} ${name}`));
  assert.deepEqual(subjects['system:public-info-viewer'], [
    'Group system:authenticated',
    'Group system:unauthenticated',
  ]);
  assert.deepEqual(subjects['system:controller:job-controller'], ['ServiceAccount job-controller']);
  assert.equal(subjects['system:node'], undefined);
  assert.deepEqual(subjects['kubeadm:node-autoapprove-certificate-rotation'], ['Group system:nodes']);
  assert.equal(clusterrolebindings.length, 14 + 3 + Object.keys(controllers).length);
  assert.deepEqual([...roles].map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`).sort(), [
    'kube-public/system:controller:bootstrap-signer',
    'kube-system/extension-apiserver-authentication-reader',
    'kube-system/naru:node-network',
    'kube-system/system::leader-locking-kube-controller-manager',
    'kube-system/system::leader-locking-kube-scheduler',
    'kube-system/system:controller:bootstrap-signer',
    'kube-system/system:controller:cloud-provider',
    'kube-system/system:controller:external-dns-controller',
    'kube-system/system:controller:token-cleaner',
  ]);
  assert.equal(rolebindings.length, 9);
});

test('admin gathers edit, which gathers view', () => {
  const gathered = named(withGatheredRules(defaultPolicy().clusterroles), ({ rules }) => rules?.length);
  assert.deepEqual([gathered['view'], gathered['edit'], gathered['admin']], [12, 27, 29]);
});

/** Verb and resource; who of view, edit and admin may, bound in one namespace. */
const matrix: readonly (readonly [question: string, allowed: string])[] = [
  ['get pods', 'view edit admin'],
  ['list deployments.apps', 'view edit admin'],
  ['get pods/log', 'view edit admin'],
  ['watch events.events.k8s.io', 'view edit admin'],
  ['get namespaces', 'view edit admin'],
  ['get secrets', 'edit admin'],
  ['create pods', 'edit admin'],
  ['create pods/exec', 'edit admin'],
  ['create pods/eviction', 'edit admin'],
  ['patch deployments/scale.apps', 'edit admin'],
  ['impersonate serviceaccounts', 'edit admin'],
  ['create serviceaccounts/token', 'edit admin'],
  ['deletecollection jobs.batch', 'edit admin'],
  ['create rolebindings.rbac.authorization.k8s.io', 'admin'],
  ['list roles.rbac.authorization.k8s.io', 'admin'],
  ['create localsubjectaccessreviews.authorization.k8s.io', 'admin'],
  ['escalate roles.rbac.authorization.k8s.io', ''],
  ['update resourcequotas', ''],
  ['update pods/status', ''],
  ['create endpoints', ''],
  ['update endpointslices.discovery.k8s.io', ''],
  ['delete namespaces', ''],
  ['get nodes', ''],
  ['list gadgets.x.example', ''],
];

test('view, edit and admin may what they may upstream, in their namespace', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  const roles = ['view', 'edit', 'admin'];
  for (const role of roles) {
    await world.create('rolebindings', binding(role, `ClusterRole/${role}`, [`User:${role}`], 'default'));
  }
  for (const [question, allowed] of matrix) {
    const may = roles.filter((role) => world.may(user(role), question, 'default'));
    assert.equal(may.join(' '), allowed, question);
    assert.deepEqual(
      roles.filter((role) => world.may(user(role), question, 'kube-system')),
      [],
    );
  }
  await world.close();
});

test('without any role people see versions and health, and those who are known discover and ask about themselves', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
  const both = ['get /healthz', 'get /livez', 'get /readyz', 'get /version', 'get /version/'];
  const known = [
    'get /api',
    'get /apis/apps/v1',
    'get /openapi/v3',
    'create selfsubjectaccessreviews.authorization.k8s.io',
    'create selfsubjectrulesreviews.authorization.k8s.io',
    'create selfsubjectreviews.authentication.k8s.io',
  ];
  const nobody = ['get /', 'post /healthz', 'get /metrics', 'get /readyz/etcd', 'get nodes', 'get /openid/v1/jwks'];
  for (const text of both) assert.ok(world.may(anonymous, text) && world.may(user('ann'), text), text);
  for (const text of known) assert.ok(!world.may(anonymous, text) && world.may(user('ann'), text), text);
  for (const text of nobody) assert.ok(!world.may(anonymous, text) && !world.may(user('ann'), text), text);
  assert.ok(world.may(serviceAccount('default', 'x'), 'get /openid/v1/jwks'));
  assert.ok(world.may(user('m', 'system:monitoring'), 'get /metrics'));
  assert.ok(
    world.may(serviceAccount('kube-system', 'namespace-controller'), 'deletecollection gadgets.x.example', 'd'),
  );
  await world.close();
});
