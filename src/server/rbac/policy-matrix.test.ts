/**
 * Every role of the default policy against every verb on every resource and URL: what Kubernetes 1.36 publishes as its bootstrap policy,
 * written down a second time and another way (verbs by resource instead of rules), so that a rule that is added or lost is seen.
 *
 * ```
 * glw pods deployments.apps     get, list, watch; create, update, patch, delete, D: deletecollection; others by name: glw+proxy
 * gu leases.coordination.k8s.io#kube-scheduler     of that name only
 * g /livez/*                    URLs; a * stands for all groups, resources or verbs
 * ```
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resourceTable } from '../../api/resource-table.ts';
import { defaultPolicy, withGatheredRules } from './default-policy.ts';
import { binding, RbacWorld, user } from './testing.ts';

const events = 'cup events events.events.k8s.io';
const leading = 'cglwu leasecandidates.coordination.k8s.io leases.coordination.k8s.io';

/** By name; those that hold in one namespace only with it before them. */
const granted: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['* *.* *'],
  'system:discovery': ['g /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/'],
  'system:monitoring': [
    'g /flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz nodes/metrics',
  ],
  'system:basic-user': [
    'c selfsubjectaccessreviews.authorization.k8s.io selfsubjectreviews.authentication.k8s.io',
    'c selfsubjectrulesreviews.authorization.k8s.io',
  ],
  'system:public-info-viewer': ['g /healthz /livez /readyz /version /version/'],
  'system:aggregate-to-admin': [
    'c localsubjectaccessreviews.authorization.k8s.io',
    'cglwupdD rolebindings.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io',
  ],
  'system:aggregate-to-edit': [
    'cglwupdD leases.coordination.k8s.io pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy',
    'cupdD+impersonate serviceaccounts',
    'cupdD configmaps cronjobs.batch daemonsets.apps daemonsets.extensions deployments.apps',
    'cupdD deployments.extensions deployments/rollback.apps deployments/rollback.extensions',
    'cupdD deployments/scale.apps deployments/scale.extensions events events.events.k8s.io',
    'cupdD horizontalpodautoscalers.autoscaling ingresses.extensions ingresses.networking.k8s.io jobs.batch',
    'cupdD networkpolicies.extensions networkpolicies.networking.k8s.io persistentvolumeclaims',
    'cupdD poddisruptionbudgets.policy pods replicasets.apps replicasets.extensions replicasets/scale.apps',
    'cupdD replicasets/scale.extensions replicationcontrollers replicationcontrollers/scale',
    'cupdD replicationcontrollers/scale.extensions resourceclaims.resource.k8s.io',
    'cupdD resourceclaimtemplates.resource.k8s.io services statefulsets.apps statefulsets/scale.apps',
    'c pods/eviction serviceaccounts/token',
  ],
  'system:aggregate-to-view': [
    'glw bindings configmaps controllerrevisions.apps cronjobs.batch cronjobs/status.batch daemonsets.apps',
    'glw daemonsets.extensions daemonsets/status.apps daemonsets/status.extensions deployments.apps',
    'glw deployments.extensions deployments/scale.apps deployments/scale.extensions deployments/status.apps',
    'glw deployments/status.extensions endpoints endpointslices.discovery.k8s.io events events.events.k8s.io',
    'glw horizontalpodautoscalers.autoscaling horizontalpodautoscalers/status.autoscaling ingresses.extensions',
    'glw ingresses.networking.k8s.io ingresses/status.extensions ingresses/status.networking.k8s.io jobs.batch',
    'glw jobs/status.batch limitranges namespaces namespaces/status networkpolicies.extensions',
    'glw networkpolicies.networking.k8s.io persistentvolumeclaims persistentvolumeclaims/status',
    'glw poddisruptionbudgets.policy poddisruptionbudgets/status.policy pods pods/log pods/status',
    'glw replicasets.apps replicasets.extensions replicasets/scale.apps replicasets/scale.extensions',
    'glw replicasets/status.apps replicasets/status.extensions replicationcontrollers',
    'glw replicationcontrollers/scale replicationcontrollers/scale.extensions replicationcontrollers/status',
    'glw resourceclaims.resource.k8s.io resourceclaims/status.resource.k8s.io',
    'glw resourceclaimtemplates.resource.k8s.io resourcequotas resourcequotas/status serviceaccounts services',
    'glw services/status statefulsets.apps statefulsets/scale.apps statefulsets/status.apps',
  ],
  'system:heapster': ['glw deployments.extensions events namespaces nodes pods'],
  'system:node': [
    'c localsubjectaccessreviews.authorization.k8s.io pods/eviction serviceaccounts/token',
    'c subjectaccessreviews.authorization.k8s.io tokenreviews.authentication.k8s.io',
    'glw clustertrustbundles.certificates.k8s.io configmaps csidrivers.storage.k8s.io runtimeclasses.node.k8s.io',
    'glw secrets services',
    'cglwup nodes',
    'up nodes/status pods/status',
    events,
    'cglwd pods',
    'g endpoints persistentvolumeclaims persistentvolumes resourceclaims.resource.k8s.io serviceaccounts',
    'g volumeattachments.storage.k8s.io',
    'cglw certificatesigningrequests.certificates.k8s.io',
    'cgupd csinodes.storage.k8s.io leases.coordination.k8s.io',
    'gup persistentvolumeclaims/status',
    'D resourceslices.resource.k8s.io',
  ],
  'system:node-problem-detector': ['g nodes', 'p nodes/status', events],
  'system:node-bootstrapper': ['cglw certificatesigningrequests.certificates.k8s.io'],
  'system:auth-delegator': ['c subjectaccessreviews.authorization.k8s.io tokenreviews.authentication.k8s.io'],
  'system:kube-aggregator': ['glw endpoints services'],
  'system:kube-controller-manager': [
    events,
    'c leases.coordination.k8s.io serviceaccounts/token subjectaccessreviews.authorization.k8s.io',
    'c tokenreviews.authentication.k8s.io',
    'gu leases.coordination.k8s.io#kube-controller-manager',
    'cgud secrets',
    'cgu serviceaccounts',
    'g configmaps namespaces',
    'lw *.*',
  ],
  'system:kube-dns': ['lw endpoints services'],
  'system:persistent-volume-provisioner': [
    'cglwd persistentvolumes',
    'glwu persistentvolumeclaims',
    'glw storageclasses.storage.k8s.io',
    'cwup events',
    'cup events.events.k8s.io',
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    'c certificatesigningrequests/nodeclient.certificates.k8s.io',
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    'c certificatesigningrequests/selfnodeclient.certificates.k8s.io',
  ],
  'system:volume-scheduler': ['glwup persistentvolumeclaims persistentvolumes', 'glw storageclasses.storage.k8s.io'],
  'system:certificates.k8s.io:legacy-unknown-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/legacy-unknown',
  ],
  'system:certificates.k8s.io:kubelet-serving-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/kubelet-serving',
  ],
  'system:certificates.k8s.io:kube-apiserver-client-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client',
  ],
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client-kubelet',
  ],
  'system:cluster-trust-bundle-discovery': ['glw clustertrustbundles.certificates.k8s.io'],
  'system:service-account-issuer-discovery': [
    'g /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
  ],
  'system:kubelet-api-admin': [
    'glw+proxy nodes',
    '* nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats',
  ],
  'system:node-proxier': [
    'lw endpoints endpointslices.discovery.k8s.io servicecidrs.networking.k8s.io services',
    'glw nodes',
    events,
  ],
  'system:kube-scheduler': [
    events,
    'c bindings leases.coordination.k8s.io pods/binding subjectaccessreviews.authorization.k8s.io',
    'c tokenreviews.authentication.k8s.io',
    'glwu leases.coordination.k8s.io#kube-scheduler',
    'cglwupdD leasecandidates.coordination.k8s.io',
    'glw csidrivers.storage.k8s.io csinodes.storage.k8s.io csistoragecapacities.storage.k8s.io',
    'glw deviceclasses.resource.k8s.io namespaces nodes persistentvolumeclaims persistentvolumes',
    'glw poddisruptionbudgets.policy replicasets.apps replicasets.extensions replicationcontrollers',
    'glw resourceslices.resource.k8s.io services statefulsets.apps volumeattachments.storage.k8s.io',
    'glwd pods',
    'up pods/status resourceclaims/binding.resource.k8s.io',
    'cglwupd resourceclaims.resource.k8s.io',
    'glwup resourceclaims/status.resource.k8s.io',
    'u pods/finalizers',
  ],
  'system:controller:attachdetach-controller': [
    'lw persistentvolumeclaims persistentvolumes pods',
    'glw csidrivers.storage.k8s.io csinodes.storage.k8s.io nodes',
    'up nodes/status',
    events,
    'cglwd volumeattachments.storage.k8s.io',
  ],
  'system:controller:clusterrole-aggregation-controller': ['glwup+escalate clusterroles.rbac.authorization.k8s.io'],
  'system:controller:cronjob-controller': [
    'glwu cronjobs.batch',
    'cglwupd jobs.batch',
    'u cronjobs/finalizers.batch cronjobs/status.batch',
    'lwd pods',
    events,
  ],
  'system:controller:daemon-set-controller': [
    'glw daemonsets.apps daemonsets.extensions',
    'u daemonsets/finalizers.apps daemonsets/finalizers.extensions daemonsets/status.apps',
    'u daemonsets/status.extensions',
    'lw nodes',
    'clwpd pods',
    'c pods/binding',
    'cglwupd controllerrevisions.apps',
    events,
  ],
  'system:controller:deployment-controller': [
    'glwu deployments.apps deployments.extensions pods',
    'u deployments/finalizers.apps deployments/finalizers.extensions deployments/status.apps',
    'u deployments/status.extensions',
    'cglwupd replicasets.apps replicasets.extensions',
    events,
  ],
  'system:controller:disruption-controller': [
    'glw deployments.apps deployments.extensions poddisruptionbudgets.policy replicasets.apps',
    'glw replicasets.extensions replicationcontrollers statefulsets.apps',
    'u poddisruptionbudgets/status.policy',
    'up pods/status',
    'g */scale.*',
    events,
  ],
  'system:controller:endpoint-controller': ['glw pods services', 'cglwud endpoints', 'c endpoints/restricted', events],
  'system:controller:endpointslice-controller': [
    'glw nodes pods services',
    'u services/finalizers',
    'cglwud endpointslices.discovery.k8s.io',
    events,
  ],
  'system:controller:endpointslicemirroring-controller': [
    'glw endpoints services',
    'u endpoints/finalizers services/finalizers',
    'cglwud endpointslices.discovery.k8s.io',
    events,
  ],
  'system:controller:expand-controller': [
    'glwup persistentvolumes',
    'up persistentvolumeclaims/status',
    'glw persistentvolumeclaims',
    events,
  ],
  'system:controller:ephemeral-volume-controller': [
    'glw pods',
    'u pods/finalizers',
    'cglw persistentvolumeclaims',
    events,
  ],
  'system:controller:resource-claim-controller': [
    'glw pods',
    'u pods/finalizers',
    'cglwupd resourceclaims.resource.k8s.io',
    'up pods/status resourceclaims/binding.resource.k8s.io resourceclaims/status.resource.k8s.io',
    events,
  ],
  'system:controller:device-taint-eviction-controller': [
    'glwd pods',
    'up pods/status',
    'glw deviceclasses.resource.k8s.io resourceclaims.resource.k8s.io resourceslices.resource.k8s.io',
    events,
  ],
  'system:controller:generic-garbage-collector': ['glwupd *.*', events],
  'system:controller:horizontal-pod-autoscaler': [
    'glw *.custom.metrics.k8s.io *.external.metrics.k8s.io horizontalpodautoscalers.autoscaling',
    'u horizontalpodautoscalers/status.autoscaling',
    'gu */scale.*',
    'lw pods pods.metrics.k8s.io',
    events,
  ],
  'system:controller:job-controller': [
    'glwup jobs.batch',
    'u jobs/finalizers.batch jobs/status.batch',
    'clwpd pods',
    events,
  ],
  'system:controller:namespace-controller': ['glwd namespaces', 'u namespaces/finalize namespaces/status', 'glwdD *.*'],
  'system:controller:node-controller': ['glwupd nodes', 'up nodes/status pods/status', 'glwd pods', events],
  'system:controller:persistent-volume-binder': [
    'cglwud persistentvolumes',
    'u persistentvolumeclaims/status persistentvolumes/status',
    'glwu persistentvolumeclaims',
    'cglwd pods',
    'glw storageclasses.storage.k8s.io',
    'lw nodes',
    'cwup events',
    'cup events.events.k8s.io',
  ],
  'system:controller:pod-garbage-collector': ['lwd pods', 'glw nodes', 'p pods/status'],
  'system:controller:replicaset-controller': [
    'glwu replicasets.apps replicasets.extensions',
    'u replicasets/finalizers.apps replicasets/finalizers.extensions replicasets/status.apps',
    'u replicasets/status.extensions',
    'clwpd pods',
    events,
  ],
  'system:controller:replication-controller': [
    'glwu replicationcontrollers',
    'u replicationcontrollers/finalizers replicationcontrollers/status',
    'clwpd pods',
    events,
  ],
  'system:controller:resourcequota-controller': ['lw *.*', 'u resourcequotas/status', events],
  'system:controller:route-controller': ['lw nodes', 'p nodes/status', events],
  'system:controller:service-account-controller': ['c serviceaccounts', events],
  'system:controller:service-controller': ['glw services', 'up services/status', 'lw nodes', events],
  'system:controller:service-cidrs-controller': [
    'glwup servicecidrs.networking.k8s.io',
    'up servicecidrs/finalizers.networking.k8s.io servicecidrs/status.networking.k8s.io',
    'glw ipaddresses.networking.k8s.io',
    events,
  ],
  'system:controller:statefulset-controller': [
    'cglwupd controllerrevisions.apps pods',
    'glw statefulsets.apps',
    'u pods/finalizers statefulsets/finalizers.apps statefulsets/status.apps',
    'cglwud persistentvolumeclaims',
    events,
  ],
  'system:controller:ttl-controller': ['lwup nodes', events],
  'system:controller:certificate-controller': [
    'glwd certificatesigningrequests.certificates.k8s.io',
    'u certificatesigningrequests/approval.certificates.k8s.io',
    'u certificatesigningrequests/status.certificates.k8s.io',
    'approve+sign signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client-kubelet',
    'sign signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client',
    'sign signers.certificates.k8s.io#kubernetes.io/kubelet-serving',
    'sign signers.certificates.k8s.io#kubernetes.io/legacy-unknown',
    'c subjectaccessreviews.authorization.k8s.io',
    events,
  ],
  'system:controller:pvc-protection-controller': [
    'glwu persistentvolumeclaims',
    'u persistentvolumeclaims/status',
    'glw pods',
    events,
  ],
  'system:controller:pv-protection-controller': ['glwu persistentvolumes', events],
  'system:controller:volumeattributesclass-protection-controller': [
    'glw persistentvolumeclaims persistentvolumes',
    'glwu volumeattributesclasses.storage.k8s.io',
    events,
  ],
  'system:controller:ttl-after-finished-controller': ['glwd jobs.batch', events],
  'system:controller:root-ca-cert-publisher': ['cu configmaps', events],
  'system:controller:kube-apiserver-serving-clustertrustbundle-publisher': [
    'attest signers.certificates.k8s.io#kubernetes.io/kube-apiserver-serving',
    'clwud clustertrustbundles.certificates.k8s.io',
    events,
  ],
  'system:controller:validatingadmissionpolicy-status-controller': [
    'glw validatingadmissionpolicies.admissionregistration.k8s.io',
    'gup validatingadmissionpolicies/status.admissionregistration.k8s.io',
    events,
  ],
  'system:controller:legacy-service-account-token-cleaner': [
    'g configmaps#kube-apiserver-legacy-service-account-token-tracking',
    'pd secrets',
  ],
  'system:controller:selinux-warning-controller': [
    events,
    'glw csidrivers.storage.k8s.io persistentvolumeclaims persistentvolumes pods',
  ],
  'kube-system/extension-apiserver-authentication-reader': ['glw configmaps#extension-apiserver-authentication'],
  'kube-system/system::leader-locking-kube-controller-manager': [leading],
  'kube-system/system::leader-locking-kube-scheduler': [leading],
  'kube-system/system:controller:bootstrap-signer': ['glw secrets'],
  'kube-system/system:controller:cloud-provider': ['cglw configmaps'],
  'kube-system/system:controller:token-cleaner': ['glwd secrets', events],
  'kube-public/system:controller:bootstrap-signer': ['glw configmaps', 'u configmaps#cluster-info', events],
};

/** Roles that gather others. */
const gathered: Readonly<Record<string, readonly string[]>> = {
  view: ['system:aggregate-to-view'],
  edit: ['system:aggregate-to-view', 'system:aggregate-to-edit'],
  admin: ['system:aggregate-to-view', 'system:aggregate-to-edit', 'system:aggregate-to-admin'],
};

const verbs: Readonly<Record<string, string>> = {
  c: 'create',
  g: 'get',
  l: 'list',
  w: 'watch',
  u: 'update',
  p: 'patch',
  d: 'delete',
  D: 'deletecollection',
};
const otherVerbs = ['approve', 'attest', 'bind', 'escalate', 'impersonate', 'proxy', 'sign', 'use'];
const allVerbs = [...Object.values(verbs), ...otherVerbs];

interface Grant {
  readonly verbs: ReadonlySet<string>;
  /** `pods/log.group`, or a URL. */
  readonly what: string;
  readonly name: string;
}

function grantsOf(role: string): Grant[] {
  const lines = (gathered[role] ?? [role]).flatMap((name) => granted[name] ?? []);
  return lines.flatMap((line) => {
    const [verbText = '', ...things] = line.split(' ');
    const [letters = '', ...words] = verbText.split('+');
    const known =
      letters in verbs || /^[cglwupdD]+$/.test(letters) ? letters.split('').map((one) => verbs[one] ?? '') : [letters];
    return things.map((thing) => {
      const [what = '', name = ''] = thing.split('#');
      return { verbs: new Set([...known, ...words]), what, name };
    });
  });
}

function isGranted(grants: readonly Grant[], verb: string, what: string, name: string): boolean {
  return grants.some(
    (grant) =>
      (grant.verbs.has(verb) || grant.verbs.has('*')) &&
      (grant.name === '' || grant.name === name) &&
      (what.startsWith('/') ? urlCovers(grant.what, what) : resourceCovers(grant.what, what)),
  );
}

function urlCovers(granted: string, url: string): boolean {
  if (granted === '*' || granted === url) return true;
  return granted.startsWith('/') && granted.endsWith('*') && url.startsWith(granted.slice(0, -1));
}

function resourceCovers(granted: string, asked: string): boolean {
  if (granted === '*.*') return true;
  const [resource, group] = split(asked);
  const [grantedResource, grantedGroup] = split(granted);
  if (grantedGroup !== '*' && grantedGroup !== group) return false;
  if (grantedResource === '*' || grantedResource === resource) return true;
  return grantedResource.startsWith('*/') && resource.endsWith(grantedResource.slice(1));
}

function split(text: string): readonly [resource: string, group: string] {
  const dot = text.indexOf('.');
  return dot < 0 ? [text, ''] : [text.slice(0, dot), text.slice(dot + 1)];
}

const nameOf = (resource: string, group: string): string => (group === '' ? resource : `${resource}.${group}`);

/** All that is served, and all that a role or this table speaks of. */
function everything(): { readonly things: readonly string[]; readonly names: readonly string[] } {
  const { clusterroles, roles } = defaultPolicy();
  const rules = [...clusterroles, ...roles].flatMap(({ rules = [] }) => rules);
  const served = [...resourceTable().all].flatMap(({ resource, group, subresources }) =>
    [resource, ...subresources.map(({ name }) => `${resource}/${name}`)].map((one) => nameOf(one, group)),
  );
  const inRules = rules.flatMap(({ apiGroups = [], resources = [], nonResourceURLs = [] }) => [
    ...apiGroups.flatMap((group) => resources.map((resource) => nameOf(resource, group))),
    ...nonResourceURLs,
  ]);
  const inTable = Object.keys(granted).flatMap((role) => grantsOf(role));
  const odd = [
    '/',
    '/debug/pprof/',
    '/logs/',
    '/metrics/',
    '/api/v1/',
    '/livez/etcd',
    'gadgets.x.example',
    'gadgets/scale.x.example',
  ];
  const things = new Set([...served, ...inRules, ...inTable.map(({ what }) => what), ...odd]);
  const names = [...rules.flatMap(({ resourceNames = [] }) => resourceNames), ...inTable.map(({ name }) => name)];
  // A pattern is no thing that somebody could ask for.
  return { things: [...things].filter((thing) => !thing.includes('*')), names: ['', 'another', ...new Set(names)] };
}

describe('each role of the default policy allows what Kubernetes 1.36 has it allow, and nothing else', () => {
  const world = new RbacWorld({ defaults: true });
  const { things, names } = everything();

  before(async () => {
    await world.start();
    for (const role of [...Object.keys(granted), ...Object.keys(gathered)]) {
      const [namespace, name] = place(role);
      const resource = namespace === '' ? 'clusterrolebindings' : 'rolebindings';
      const kind = namespace === '' ? 'ClusterRole' : 'Role';
      await world.create(
        resource,
        binding(`test-${name}`, `${kind}/${name}`, [`User:test of ${role}`], namespace || undefined),
      );
    }
  });
  after(() => world.close());

  test('the roles are these', () => {
    const { clusterroles, roles } = defaultPolicy();
    const standing = [
      ...withGatheredRules(clusterroles).map(({ metadata }) => metadata?.name ?? ''),
      ...roles.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
    ];
    assert.deepEqual(standing.sort(), [...Object.keys(granted), ...Object.keys(gathered)].sort());
  });

  for (const role of [...Object.keys(granted), ...Object.keys(gathered)]) {
    test(role, () => {
      const [namespace] = place(role);
      const grants = grantsOf(role);
      const wrong: string[] = [];
      for (const what of things) {
        for (const verb of allVerbs) {
          // Names matter only where some rule has one.
          const relevant = grants.some((grant) => grant.name !== '') ? names : ['', 'another'];
          for (const name of what.startsWith('/') ? [''] : relevant) {
            const may = mayIn(world, role, verb, what, namespace, name);
            if (may !== isGranted([...grants, ...everybody], verb, what, name)) {
              wrong.push(`${may ? 'allows' : 'lacks'} ${verb} ${what} ${name}`.trim());
            }
          }
        }
      }
      assert.deepEqual(wrong, []);
    });
  }

  test('a role of one namespace gives nothing in another', () => {
    for (const role of Object.keys(granted).filter((one) => one.includes('/'))) {
      for (const what of things.filter((one) => !one.startsWith('/'))) {
        const may = mayIn(world, role, 'get', what, 'default', '');
        assert.equal(may, isGranted(everybody, 'get', what, ''), `${role}: ${what}`);
      }
    }
  });
});

/** What they may beside their role, as all who are known. */
const everybody = ['system:basic-user', 'system:discovery', 'system:public-info-viewer'].flatMap(grantsOf);

function place(role: string): readonly [namespace: string, name: string] {
  const slash = role.indexOf('/');
  return slash < 0 ? ['', role] : [role.slice(0, slash), role.slice(slash + 1)];
}

function mayIn(world: RbacWorld, role: string, verb: string, what: string, namespace: string, name: string): boolean {
  // `question` takes a resource's name apart at its first dot, and a URL by its first slash.
  return world.may(user(`test of ${role}`), `${verb} ${what}`, what.startsWith('/') ? '' : namespace, name);
}
