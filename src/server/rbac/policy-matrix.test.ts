/**
 * Every role of the default policy against every verb on every resource and URL, and every binding. What is expected here was typed from
 * what Kubernetes publishes and tests itself by (bootstrappolicy/testdata: controller-roles, namespace-roles and their bindings;
 * cluster-roles with feature gates, less what is not served here; cluster-role-bindings after its policy.go), not from the tables beside
 * this file: a rule that is added or lost is seen.
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
import type { Subject } from '../../api/schema/types/rbac-v1.ts';
import { defaultPolicy, withGatheredRules } from './default-policy.ts';
import { binding, RbacWorld, user } from './testing.ts';

const events = 'cup events events.events.k8s.io';

/** The published files: rule by rule, in their order. Those that hold in one namespace only have it before their name. */
const published: Readonly<Record<string, readonly string[]>> = {
  // cluster-roles
  'cluster-admin': ['* *.*', '* *'],
  'system:aggregate-to-admin': [
    'c localsubjectaccessreviews.authorization.k8s.io',
    'cdDglpuw rolebindings.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io',
  ],
  'system:aggregate-to-edit': [
    'glw pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy',
    'impersonate serviceaccounts',
    'cdDpu pods pods/attach pods/exec pods/portforward pods/proxy',
    'c pods/eviction',
    'cdDpu configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale',
    'cdDpu secrets serviceaccounts services services/proxy',
    'c serviceaccounts/token',
    'cdDpu events events.events.k8s.io',
    'cdDpu daemonsets.apps deployments.apps deployments/rollback.apps deployments/scale.apps',
    'cdDpu replicasets.apps replicasets/scale.apps statefulsets.apps statefulsets/scale.apps',
    'cdDpu horizontalpodautoscalers.autoscaling',
    'cdDpu cronjobs.batch jobs.batch',
    'cdDpu daemonsets.extensions deployments.extensions deployments/rollback.extensions',
    'cdDpu deployments/scale.extensions ingresses.extensions networkpolicies.extensions',
    'cdDpu replicasets.extensions replicasets/scale.extensions replicationcontrollers/scale.extensions',
    'cdDpu poddisruptionbudgets.policy',
    'cdDpu ingresses.networking.k8s.io networkpolicies.networking.k8s.io',
    'cdDglpuw leases.coordination.k8s.io',
    'cdDpu resourceclaims.resource.k8s.io resourceclaimtemplates.resource.k8s.io',
  ],
  'system:aggregate-to-view': [
    'glw configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers',
    'glw replicationcontrollers/scale serviceaccounts services services/status',
    'glw bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status',
    'glw resourcequotas resourcequotas/status',
    'glw namespaces',
    'glw events events.events.k8s.io',
    'glw endpointslices.discovery.k8s.io',
    'glw controllerrevisions.apps daemonsets.apps daemonsets/status.apps deployments.apps deployments/scale.apps',
    'glw deployments/status.apps replicasets.apps replicasets/scale.apps replicasets/status.apps',
    'glw statefulsets.apps statefulsets/scale.apps statefulsets/status.apps',
    'glw horizontalpodautoscalers.autoscaling horizontalpodautoscalers/status.autoscaling',
    'glw cronjobs.batch cronjobs/status.batch jobs.batch jobs/status.batch',
    'glw daemonsets.extensions daemonsets/status.extensions deployments.extensions deployments/scale.extensions',
    'glw deployments/status.extensions ingresses.extensions ingresses/status.extensions',
    'glw networkpolicies.extensions replicasets.extensions replicasets/scale.extensions',
    'glw replicasets/status.extensions replicationcontrollers/scale.extensions',
    'glw poddisruptionbudgets.policy poddisruptionbudgets/status.policy',
    'glw ingresses.networking.k8s.io ingresses/status.networking.k8s.io networkpolicies.networking.k8s.io',
    'glw resourceclaims.resource.k8s.io resourceclaims/status.resource.k8s.io',
    'glw resourceclaimtemplates.resource.k8s.io',
  ],
  'system:auth-delegator': ['c tokenreviews.authentication.k8s.io', 'c subjectaccessreviews.authorization.k8s.io'],
  'system:basic-user': [
    'c selfsubjectaccessreviews.authorization.k8s.io selfsubjectrulesreviews.authorization.k8s.io',
    'c selfsubjectreviews.authentication.k8s.io',
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    'c certificatesigningrequests/nodeclient.certificates.k8s.io',
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    'c certificatesigningrequests/selfnodeclient.certificates.k8s.io',
  ],
  'system:certificates.k8s.io:kube-apiserver-client-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client',
  ],
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client-kubelet',
  ],
  'system:certificates.k8s.io:kubelet-serving-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/kubelet-serving',
  ],
  'system:certificates.k8s.io:legacy-unknown-approver': [
    'approve signers.certificates.k8s.io#kubernetes.io/legacy-unknown',
  ],
  'system:discovery': ['g /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/'],
  'system:heapster': ['glw events namespaces nodes pods', 'glw deployments.extensions'],
  // naru's own: what the network of each node reads.
  'naru:node-network': [
    'lw namespaces nodes pods',
    'glw services',
    'glw endpointslices.discovery.k8s.io',
    'glw backendtlspolicies.gateway.networking.k8s.io gatewayclasses.gateway.networking.k8s.io gateways.gateway.networking.k8s.io',
    'glw grpcroutes.gateway.networking.k8s.io httproutes.gateway.networking.k8s.io listenersets.gateway.networking.k8s.io',
    'glw referencegrants.gateway.networking.k8s.io tcproutes.gateway.networking.k8s.io tlsroutes.gateway.networking.k8s.io',
    'glw udproutes.gateway.networking.k8s.io',
    'glw ingressclasses.networking.k8s.io ingresses.networking.k8s.io networkpolicies.networking.k8s.io',
    'glw servicecidrs.networking.k8s.io',
  ],
  'system:kube-aggregator': ['glw endpoints services'],
  'system:kube-controller-manager': [
    events,
    'c leases.coordination.k8s.io',
    'gu leases.coordination.k8s.io#kube-controller-manager',
    'c secrets serviceaccounts',
    'd secrets',
    'g configmaps namespaces secrets serviceaccounts',
    'u secrets serviceaccounts',
    'c tokenreviews.authentication.k8s.io',
    'c subjectaccessreviews.authorization.k8s.io',
    'lw *.*',
    'c serviceaccounts/token',
  ],
  'system:kube-dns': ['lw endpoints services'],
  'system:kube-scheduler': [
    events,
    'c leases.coordination.k8s.io',
    'gluw leases.coordination.k8s.io#kube-scheduler',
    'cdDglpuw leasecandidates.coordination.k8s.io',
    'glw nodes',
    'dglw pods',
    'c bindings pods/binding',
    'pu pods/status',
    'glw replicationcontrollers services',
    'glw replicasets.apps replicasets.extensions',
    'glw statefulsets.apps',
    'glw poddisruptionbudgets.policy',
    'glw persistentvolumeclaims persistentvolumes',
    'c tokenreviews.authentication.k8s.io',
    'c subjectaccessreviews.authorization.k8s.io',
    'glw csinodes.storage.k8s.io',
    'glw volumeattachments.storage.k8s.io',
    'glw namespaces',
    'glw csidrivers.storage.k8s.io',
    'glw csistoragecapacities.storage.k8s.io',
    'glw deviceclasses.resource.k8s.io',
    'glpuw resourceclaims.resource.k8s.io',
    'glpuw resourceclaims/status.resource.k8s.io',
    'u pods/finalizers',
    'glw resourceslices.resource.k8s.io devicetaintrules.resource.k8s.io',
    'cd resourceclaims.resource.k8s.io',
    'glw podgroups.scheduling.k8s.io',
    'pu podgroups/status.scheduling.k8s.io',
  ],
  'system:kubelet-api-admin': [
    'glw nodes',
    'proxy nodes',
    '* nodes/log nodes/metrics nodes/proxy nodes/stats',
    '* nodes/configz nodes/healthz nodes/pods',
  ],
  'system:monitoring': [
    'g /flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz',
    'g nodes/metrics',
  ],
  'system:node': [
    'c tokenreviews.authentication.k8s.io',
    'c localsubjectaccessreviews.authorization.k8s.io subjectaccessreviews.authorization.k8s.io',
    'glw services',
    'cglw nodes',
    'pu nodes/status',
    'pu nodes',
    events,
    'glw pods',
    'cd pods',
    'pu pods/status',
    'c pods/eviction',
    'glw configmaps secrets',
    'g persistentvolumeclaims persistentvolumes',
    'g endpoints',
    'cglw certificatesigningrequests.certificates.k8s.io',
    'cdgpu leases.coordination.k8s.io',
    'g volumeattachments.storage.k8s.io',
    'c serviceaccounts/token',
    'gpu persistentvolumeclaims/status',
    'glw csidrivers.storage.k8s.io',
    'cdgpu csinodes.storage.k8s.io',
    'glw runtimeclasses.node.k8s.io',
    'g resourceclaims.resource.k8s.io',
    'D resourceslices.resource.k8s.io',
    'g serviceaccounts',
  ],
  'system:node-bootstrapper': ['cglw certificatesigningrequests.certificates.k8s.io'],
  'system:node-problem-detector': ['g nodes', 'p nodes/status', events],
  'system:node-proxier': [
    'lw endpoints services',
    'glw nodes',
    events,
    'lw servicecidrs.networking.k8s.io',
    'lw endpointslices.discovery.k8s.io',
  ],
  'system:persistent-volume-provisioner': [
    'cdglw persistentvolumes',
    'gluw persistentvolumeclaims',
    'glw storageclasses.storage.k8s.io',
    'w events',
    events,
  ],
  'system:public-info-viewer': ['g /healthz /livez /readyz /version /version/'],
  'system:service-account-issuer-discovery': [
    'g /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
  ],
  'system:volume-scheduler': [
    'glpuw persistentvolumes',
    'glw storageclasses.storage.k8s.io',
    'glpuw persistentvolumeclaims',
  ],

  // naru's own loops
  'system:controller:dependency-gate-controller': [
    'glpw pods',
    'glw daemonsets.apps deployments.apps statefulsets.apps',
    'glw jobs.batch',
    events,
  ],
  'system:controller:reload-controller': [
    'glpw daemonsets.apps deployments.apps statefulsets.apps',
    'glw configmaps',
    'cglw secrets',
    events,
  ],
  'system:controller:local-volume-provisioner': [
    'glw nodes',
    'cdgluw persistentvolumes',
    'glpw persistentvolumeclaims',
    'glw storageclasses.storage.k8s.io',
    events,
  ],
  'system:controller:acme-controller': [
    'glw gatewayclasses.gateway.networking.k8s.io gateways.gateway.networking.k8s.io listenersets.gateway.networking.k8s.io',
    'glw ingressclasses.networking.k8s.io ingresses.networking.k8s.io',
    'glw nodes',
    'cglpuw secrets',
    'cgpu configmaps',
    events,
  ],
  'system:controller:gateway-controller': [
    'glw backendtlspolicies.gateway.networking.k8s.io gatewayclasses.gateway.networking.k8s.io gateways.gateway.networking.k8s.io',
    'glw grpcroutes.gateway.networking.k8s.io httproutes.gateway.networking.k8s.io listenersets.gateway.networking.k8s.io',
    'glw referencegrants.gateway.networking.k8s.io tcproutes.gateway.networking.k8s.io tlsroutes.gateway.networking.k8s.io',
    'glw udproutes.gateway.networking.k8s.io',
    'pu backendtlspolicies/status.gateway.networking.k8s.io gatewayclasses/status.gateway.networking.k8s.io gateways/status.gateway.networking.k8s.io',
    'pu grpcroutes/status.gateway.networking.k8s.io httproutes/status.gateway.networking.k8s.io listenersets/status.gateway.networking.k8s.io',
    'pu tcproutes/status.gateway.networking.k8s.io tlsroutes/status.gateway.networking.k8s.io udproutes/status.gateway.networking.k8s.io',
    'glw configmaps namespaces nodes secrets services',
    events,
  ],
  'system:controller:external-dns-controller': [
    'glw gatewayclasses.gateway.networking.k8s.io gateways.gateway.networking.k8s.io listenersets.gateway.networking.k8s.io',
    'glw grpcroutes.gateway.networking.k8s.io httproutes.gateway.networking.k8s.io tlsroutes.gateway.networking.k8s.io',
    'glw ingresses.networking.k8s.io',
    'glw namespaces nodes services',
    'glw endpointslices.discovery.k8s.io',
    events,
  ],
  'system:controller:ingress-controller': [
    'glw ingressclasses.networking.k8s.io ingresses.networking.k8s.io',
    'pu ingresses/status.networking.k8s.io',
    'glw nodes secrets services',
    events,
  ],

  // controller-roles
  'system:controller:attachdetach-controller': [
    'lw persistentvolumeclaims persistentvolumes',
    'glw nodes',
    'pu nodes/status',
    'lw pods',
    events,
    'cdglw volumeattachments.storage.k8s.io',
    'glw csidrivers.storage.k8s.io',
    'glw csinodes.storage.k8s.io',
  ],
  'system:controller:certificate-controller': [
    'dglw certificatesigningrequests.certificates.k8s.io',
    'u certificatesigningrequests/approval.certificates.k8s.io',
    'u certificatesigningrequests/status.certificates.k8s.io',
    'approve signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client-kubelet',
    'sign signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client',
    'sign signers.certificates.k8s.io#kubernetes.io/kube-apiserver-client-kubelet',
    'sign signers.certificates.k8s.io#kubernetes.io/kubelet-serving',
    'sign signers.certificates.k8s.io#kubernetes.io/legacy-unknown',
    'c subjectaccessreviews.authorization.k8s.io',
    events,
  ],
  'system:controller:clusterrole-aggregation-controller': ['glpuw+escalate clusterroles.rbac.authorization.k8s.io'],
  'system:controller:cronjob-controller': [
    'gluw cronjobs.batch',
    'cdglpuw jobs.batch',
    'u cronjobs/status.batch',
    'u cronjobs/finalizers.batch',
    'dlw pods',
    events,
  ],
  'system:controller:daemon-set-controller': [
    'glw daemonsets.apps daemonsets.extensions',
    'u daemonsets/status.apps daemonsets/status.extensions',
    'u daemonsets/finalizers.apps daemonsets/finalizers.extensions',
    'lw nodes',
    'cdlpw pods',
    'c pods/binding',
    'cdglpuw controllerrevisions.apps',
    events,
  ],
  'system:controller:deployment-controller': [
    'gluw deployments.apps deployments.extensions',
    'u deployments/status.apps deployments/status.extensions',
    'u deployments/finalizers.apps deployments/finalizers.extensions',
    'cdglpuw replicasets.apps replicasets.extensions',
    'gluw pods',
    events,
  ],
  'system:controller:device-taint-eviction-controller': [
    'dglw pods',
    'pu pods/status',
    'glw resourceclaims.resource.k8s.io',
    'glw resourceslices.resource.k8s.io',
    'glw deviceclasses.resource.k8s.io',
    'glw devicetaintrules.resource.k8s.io',
    'pu devicetaintrules/status.resource.k8s.io',
    events,
  ],
  'system:controller:disruption-controller': [
    'glw deployments.apps deployments.extensions',
    'glw replicasets.apps replicasets.extensions',
    'glw replicationcontrollers',
    'glw poddisruptionbudgets.policy',
    'glw statefulsets.apps',
    'u poddisruptionbudgets/status.policy',
    'pu pods/status',
    'g */scale.*',
    events,
  ],
  'system:controller:endpoint-controller': ['glw pods services', 'cdgluw endpoints', 'c endpoints/restricted', events],
  'system:controller:endpointslice-controller': [
    'glw nodes pods services',
    'u services/finalizers',
    'cdgluw endpointslices.discovery.k8s.io',
    events,
  ],
  'system:controller:endpointslicemirroring-controller': [
    'glw endpoints services',
    'u services/finalizers',
    'u endpoints/finalizers',
    'cdgluw endpointslices.discovery.k8s.io',
    events,
  ],
  'system:controller:ephemeral-volume-controller': [
    'glw pods',
    'u pods/finalizers',
    'cglw persistentvolumeclaims',
    events,
  ],
  'system:controller:expand-controller': [
    'glpuw persistentvolumes',
    'pu persistentvolumeclaims/status',
    'glw persistentvolumeclaims',
    events,
  ],
  'system:controller:generic-garbage-collector': ['dglpuw *.*', events],
  'system:controller:horizontal-pod-autoscaler': [
    'glw horizontalpodautoscalers.autoscaling',
    'u horizontalpodautoscalers/status.autoscaling',
    'gu */scale.*',
    'lw pods',
    'lw pods.metrics.k8s.io',
    'glw *.custom.metrics.k8s.io',
    'glw *.external.metrics.k8s.io',
    events,
  ],
  'system:controller:job-controller': [
    'glpuw jobs.batch',
    'u jobs/status.batch',
    'u jobs/finalizers.batch',
    'cdlpw pods',
    events,
  ],
  'system:controller:legacy-service-account-token-cleaner': [
    'g configmaps#kube-apiserver-legacy-service-account-token-tracking',
    'dp secrets',
  ],
  'system:controller:namespace-controller': ['dglw namespaces', 'u namespaces/finalize namespaces/status', 'dDglw *.*'],
  'system:controller:node-controller': ['dglpuw nodes', 'pu nodes/status', 'pu pods/status', 'dglw pods', events],
  'system:controller:persistent-volume-binder': [
    'cdgluw persistentvolumes',
    'u persistentvolumes/status',
    'gluw persistentvolumeclaims',
    'u persistentvolumeclaims/status',
    'cdglw pods',
    'glw storageclasses.storage.k8s.io',
    'lw nodes',
    events,
    'w events',
  ],
  'system:controller:pod-garbage-collector': ['dlw pods', 'glw nodes', 'p pods/status'],
  'system:controller:pv-protection-controller': ['gluw persistentvolumes', events],
  'system:controller:pvc-protection-controller': [
    'gluw persistentvolumeclaims',
    'u persistentvolumeclaims/status',
    'glw pods',
    events,
  ],
  'system:controller:replicaset-controller': [
    'gluw replicasets.apps replicasets.extensions',
    'u replicasets/status.apps replicasets/status.extensions',
    'u replicasets/finalizers.apps replicasets/finalizers.extensions',
    'cdlpw pods',
    events,
  ],
  'system:controller:replication-controller': [
    'gluw replicationcontrollers',
    'u replicationcontrollers/status',
    'u replicationcontrollers/finalizers',
    'cdlpw pods',
    events,
  ],
  'system:controller:resource-claim-controller': [
    'glw pods',
    'u pods/finalizers',
    'cdglw resourceclaims.resource.k8s.io',
    'pu resourceclaims.resource.k8s.io resourceclaims/status.resource.k8s.io',
    'pu pods/status',
    events,
    'pu resourceclaims/binding.resource.k8s.io',
  ],
  'system:controller:resourcequota-controller': ['lw *.*', 'u resourcequotas/status', events],
  'system:controller:root-ca-cert-publisher': ['cu configmaps', events],
  'system:controller:route-controller': ['lw nodes', 'p nodes/status', events],
  'system:controller:selinux-warning-controller': [
    events,
    'glw persistentvolumes',
    'glw persistentvolumeclaims',
    'glw pods',
    'glw csidrivers.storage.k8s.io',
  ],
  'system:controller:service-account-controller': ['c serviceaccounts', events],
  'system:controller:service-cidrs-controller': [
    'glpuw servicecidrs.networking.k8s.io',
    'pu servicecidrs/finalizers.networking.k8s.io',
    'pu servicecidrs/status.networking.k8s.io',
    'glw ipaddresses.networking.k8s.io',
    events,
  ],
  'system:controller:service-controller': ['glw services', 'pu services/status', 'lw nodes', events],
  'system:controller:statefulset-controller': [
    'lw pods',
    'glw statefulsets.apps',
    'u statefulsets/status.apps',
    'u statefulsets/finalizers.apps',
    'cdgpu pods',
    'cdglpuw controllerrevisions.apps',
    'cglw persistentvolumeclaims',
    'du persistentvolumeclaims',
    'u pods/finalizers',
    events,
  ],
  'system:controller:podgroup-protection-controller': ['gluw podgroups.scheduling.k8s.io', 'glw pods', events],
  'system:controller:ttl-after-finished-controller': ['dglw jobs.batch', events],
  'system:controller:ttl-controller': ['lpuw nodes', events],
  'system:controller:validatingadmissionpolicy-status-controller': [
    'glw validatingadmissionpolicies.admissionregistration.k8s.io',
    'gpu validatingadmissionpolicies/status.admissionregistration.k8s.io',
    events,
  ],
  'system:controller:volumeattributesclass-protection-controller': [
    'glw persistentvolumeclaims',
    'glw persistentvolumes',
    'gluw volumeattributesclasses.storage.k8s.io',
    events,
  ],

  // namespace-roles
  'kube-public/system:controller:bootstrap-signer': ['glw configmaps', 'u configmaps#cluster-info', events],
  'kube-system/naru:node-network': ['glw configmaps#naru-network', 'glw configmaps#naru-acme-challenges'],
  'kube-system/extension-apiserver-authentication-reader': ['glw configmaps#extension-apiserver-authentication'],
  'kube-system/system::leader-locking-kube-controller-manager': [
    'cgluw leases.coordination.k8s.io',
    'cgluw leasecandidates.coordination.k8s.io',
  ],
  'kube-system/system::leader-locking-kube-scheduler': [
    'cgluw leases.coordination.k8s.io',
    'cgluw leasecandidates.coordination.k8s.io',
  ],
  'kube-system/system:controller:bootstrap-signer': ['glw secrets'],
  'kube-system/system:controller:cloud-provider': ['cglw configmaps'],
  'kube-system/system:controller:external-dns-controller': ['g secrets', 'g configmaps#naru-network'],
  'kube-system/system:controller:token-cleaner': ['dglw secrets', events],
};

/**
 * What holds here beside those files, and why.
 *
 * - ClusterTrustBundles are served, whose rules are published with the file of features that are off by default.
 * - From 1.36 on, whoever writes the allocation of a claim is asked for `resourceclaims/binding`; the scheduler does, and the newest
 *   file of cluster-roles that was at hand is older than that.
 */
const beside: typeof published = {
  'system:cluster-trust-bundle-discovery': ['glw clustertrustbundles.certificates.k8s.io'],
  'system:node': ['glw clustertrustbundles.certificates.k8s.io'],
  'system:controller:kube-apiserver-serving-clustertrustbundle-publisher': [
    'attest signers.certificates.k8s.io#kubernetes.io/kube-apiserver-serving',
    'cdluw clustertrustbundles.certificates.k8s.io',
    events,
  ],
  'system:kube-scheduler': ['pu resourceclaims/binding.resource.k8s.io'],
};

const granted: typeof published = Object.fromEntries(
  [...new Set([...Object.keys(published), ...Object.keys(beside)])].map((role) => [
    role,
    [...(published[role] ?? []), ...(beside[role] ?? [])],
  ]),
);

const manager = 'User:system:kube-controller-manager';
const scheduler = 'User:system:kube-scheduler';
const everyAccount = 'Group:system:serviceaccounts';

/**
 * cluster-role-bindings and namespace-role-bindings: role, then subjects. Those of controllers (controller-role-bindings) all have one
 * form: `system:controller:NAME` to the service account NAME of kube-system.
 */
const bound: Readonly<Record<string, readonly [role: string, ...subjects: string[]]>> = {
  'cluster-admin': ['cluster-admin', 'Group:system:masters'],
  'system:basic-user': ['system:basic-user', 'Group:system:authenticated'],
  'system:cluster-trust-bundle-discovery': ['system:cluster-trust-bundle-discovery', everyAccount],
  'system:discovery': ['system:discovery', 'Group:system:authenticated'],
  'system:kube-controller-manager': ['system:kube-controller-manager', manager],
  'naru:node-network': ['naru:node-network', 'Group:system:nodes'],
  'kube-system/naru:node-network': ['naru:node-network', 'Group:system:nodes'],
  'system:kube-dns': ['system:kube-dns', 'kube-system/kube-dns'],
  'system:kube-scheduler': ['system:kube-scheduler', scheduler],
  'system:monitoring': ['system:monitoring', 'Group:system:monitoring'],
  'system:node': ['system:node'],
  'system:node-proxier': ['system:node-proxier', 'User:system:kube-proxy'],
  'system:public-info-viewer': [
    'system:public-info-viewer',
    'Group:system:authenticated',
    'Group:system:unauthenticated',
  ],
  'system:service-account-issuer-discovery': ['system:service-account-issuer-discovery', everyAccount],
  'system:volume-scheduler': ['system:volume-scheduler', scheduler],
  'kube-public/system:controller:bootstrap-signer': [
    'system:controller:bootstrap-signer',
    'kube-system/bootstrap-signer',
  ],
  'kube-system/system::extension-apiserver-authentication-reader': [
    'extension-apiserver-authentication-reader',
    manager,
    scheduler,
  ],
  'kube-system/system::leader-locking-kube-controller-manager': [
    'system::leader-locking-kube-controller-manager',
    manager,
    'kube-system/kube-controller-manager',
    'kube-system/leader-election-controller',
  ],
  'kube-system/system::leader-locking-kube-scheduler': [
    'system::leader-locking-kube-scheduler',
    scheduler,
    'kube-system/kube-scheduler',
  ],
  'kube-system/system:controller:bootstrap-signer': [
    'system:controller:bootstrap-signer',
    'kube-system/bootstrap-signer',
  ],
  'kube-system/system:controller:cloud-provider': ['system:controller:cloud-provider', 'kube-system/cloud-provider'],
  'kube-system/system:controller:external-dns-controller': [
    'system:controller:external-dns-controller',
    'kube-system/external-dns-controller',
  ],
  'kube-system/system:controller:token-cleaner': ['system:controller:token-cleaner', 'kube-system/token-cleaner'],
};

/** Upstream leaves these to whoever sets a cluster up; they are kubeadm's. */
const joining: typeof bound = {
  'kubeadm:kubelet-bootstrap': ['system:node-bootstrapper', 'Group:system:bootstrappers:kubeadm:default-node-token'],
  'kubeadm:node-autoapprove-bootstrap': [
    'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    'Group:system:bootstrappers:kubeadm:default-node-token',
  ],
  'kubeadm:node-autoapprove-certificate-rotation': [
    'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    'Group:system:nodes',
  ],
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

/** Those of the grants that speak of `what`. */
function grantsFor(grants: readonly Grant[], what: string): readonly Grant[] {
  const covers = what.startsWith('/') ? urlCovers : resourceCovers;
  return grants.filter((grant) => covers(grant.what, what));
}

function isGranted(grants: readonly Grant[], verb: string, name: string): boolean {
  return grants.some(
    (grant) => (grant.verbs.has(verb) || grant.verbs.has('*')) && (grant.name === '' || grant.name === name),
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
      // Names matter only where some rule has one.
      const relevant = grants.some((grant) => grant.name !== '') ? names : ['', 'another'];
      for (const what of things) {
        const speaking = grantsFor([...grants, ...everybody], what);
        for (const verb of allVerbs) {
          for (const name of what.startsWith('/') ? [''] : relevant) {
            const may = mayIn(world, role, verb, what, namespace, name);
            if (may !== isGranted(speaking, verb, name)) {
              wrong.push(`${may ? 'allows' : 'lacks'} ${verb} ${what} ${name}`.trim());
            }
          }
        }
      }
      assert.deepEqual(wrong, []);
    });
  }

  test('the bindings are these, and to nobody else', () => {
    const { clusterrolebindings, rolebindings, clusterroles } = defaultPolicy();
    const subjectText = ({ kind, name, namespace }: Subject): string =>
      kind === 'ServiceAccount' ? `${namespace}/${name}` : `${kind}:${name}`;
    const standing = [...clusterrolebindings, ...rolebindings].map(({ metadata, roleRef, subjects = [] }) => {
      const where = metadata?.namespace === undefined ? '' : `${metadata.namespace}/`;
      assert.equal(roleRef.kind, where === '' ? 'ClusterRole' : 'Role');
      return [`${where}${metadata?.name}`, [roleRef.name, ...subjects.map(subjectText)]] as const;
    });
    const controllers = clusterroles.flatMap(({ metadata: { name = '' } = {} }) => {
      const prefix = 'system:controller:';
      return name.startsWith(prefix) ? [[name, [name, `kube-system/${name.slice(prefix.length)}`]] as const] : [];
    });
    const expected = { ...bound, ...joining, ...Object.fromEntries(controllers) };
    assert.deepEqual(Object.fromEntries(standing), expected);
    assert.equal(standing.length, Object.keys(expected).length);
  });

  test('a role of one namespace gives nothing in another', () => {
    for (const role of Object.keys(granted).filter((one) => one.includes('/'))) {
      for (const what of things.filter((one) => !one.startsWith('/'))) {
        const may = mayIn(world, role, 'get', what, 'default', '');
        assert.equal(may, isGranted(grantsFor(everybody, what), 'get', ''), `${role}: ${what}`);
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
