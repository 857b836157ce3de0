/**
 * The table of strategies, by group-resource (`deployments.apps`). A resource without a row takes the common path alone.
 *
 * To give a kind rules of its own: defaults in `defaults/`, rules in `validation/`, a `Strategy` in the file of its family
 * here, and its row below.
 */
import type { Strategy } from '../strategy.ts';
import { autoscalerStrategy, leaseStrategy, podDisruptionBudgetStrategy } from './autoscaling.ts';
import { cronJobStrategy, jobStrategy } from './batch.ts';
import { namespaceStrategy, nodeStrategy } from './cluster.ts';
import {
  configMapStrategy,
  limitRangeStrategy,
  resourceQuotaStrategy,
  secretStrategy,
  serviceAccountStrategy,
} from './config.ts';
import {
  deviceClassStrategy,
  deviceTaintRuleStrategy,
  resourceClaimStrategy,
  resourceClaimTemplateStrategy,
  resourceSliceStrategy,
} from './devices.ts';
import { eventStrategy, strictEventStrategy } from './events.ts';
import {
  apiServiceStrategy,
  customResourceDefinitionStrategy,
  flowSchemaStrategy,
  mutatingPolicyBindingStrategy,
  mutatingPolicyStrategy,
  mutatingWebhookStrategy,
  priorityLevelStrategy,
  runtimeClassStrategy,
  validatingPolicyBindingStrategy,
  validatingPolicyStrategy,
  validatingWebhookStrategy,
} from './extension.ts';
import { gatewayStrategies } from './gateway.ts';
import {
  ingressClassStrategy,
  ingressStrategy,
  ipAddressStrategy,
  networkPolicyStrategy,
  serviceCidrStrategy,
} from './networking.ts';
import { podGroupStrategy, workloadStrategy } from './pod-groups.ts';
import { podStrategy } from './pods.ts';
import {
  certificateSigningRequestStrategy,
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  clusterTrustBundleStrategy,
  priorityClassStrategy,
  roleBindingStrategy,
  roleStrategy,
} from './policy.ts';
import { endpointSliceStrategy, endpointsStrategy, serviceStrategy } from './services.ts';
import {
  csiDriverStrategy,
  csiNodeStrategy,
  csiStorageCapacityStrategy,
  persistentVolumeClaimStrategy,
  persistentVolumeStrategy,
  storageClassStrategy,
  volumeAttachmentStrategy,
  volumeAttributesClassStrategy,
} from './storage.ts';
import {
  controllerRevisionStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  podTemplateStrategy,
  replicaSetStrategy,
  replicationControllerStrategy,
  statefulSetStrategy,
} from './workloads.ts';

const strategies: Readonly<Record<string, Strategy<never>>> = {
  pods: podStrategy,
  podtemplates: podTemplateStrategy,
  replicationcontrollers: replicationControllerStrategy,
  services: serviceStrategy,
  endpoints: endpointsStrategy,
  namespaces: namespaceStrategy,
  nodes: nodeStrategy,
  configmaps: configMapStrategy,
  secrets: secretStrategy,
  serviceaccounts: serviceAccountStrategy,
  limitranges: limitRangeStrategy,
  resourcequotas: resourceQuotaStrategy,
  persistentvolumes: persistentVolumeStrategy,
  persistentvolumeclaims: persistentVolumeClaimStrategy,
  events: eventStrategy,
  'events.events.k8s.io': strictEventStrategy,

  'deployments.apps': deploymentStrategy,
  'replicasets.apps': replicaSetStrategy,
  'statefulsets.apps': statefulSetStrategy,
  'daemonsets.apps': daemonSetStrategy,
  'controllerrevisions.apps': controllerRevisionStrategy,
  'jobs.batch': jobStrategy,
  'cronjobs.batch': cronJobStrategy,
  'horizontalpodautoscalers.autoscaling': autoscalerStrategy,
  'poddisruptionbudgets.policy': podDisruptionBudgetStrategy,

  'leases.coordination.k8s.io': leaseStrategy,
  'endpointslices.discovery.k8s.io': endpointSliceStrategy,
  'networkpolicies.networking.k8s.io': networkPolicyStrategy,
  'ingresses.networking.k8s.io': ingressStrategy,
  'ingressclasses.networking.k8s.io': ingressClassStrategy,
  'ipaddresses.networking.k8s.io': ipAddressStrategy,
  'servicecidrs.networking.k8s.io': serviceCidrStrategy,
  'storageclasses.storage.k8s.io': storageClassStrategy,
  'csidrivers.storage.k8s.io': csiDriverStrategy,
  'csinodes.storage.k8s.io': csiNodeStrategy,
  'csistoragecapacities.storage.k8s.io': csiStorageCapacityStrategy,
  'volumeattachments.storage.k8s.io': volumeAttachmentStrategy,
  'volumeattributesclasses.storage.k8s.io': volumeAttributesClassStrategy,
  'priorityclasses.scheduling.k8s.io': priorityClassStrategy,
  'podgroups.scheduling.k8s.io': podGroupStrategy,
  'workloads.scheduling.k8s.io': workloadStrategy,
  'runtimeclasses.node.k8s.io': runtimeClassStrategy,
  'certificatesigningrequests.certificates.k8s.io': certificateSigningRequestStrategy,
  'clustertrustbundles.certificates.k8s.io': clusterTrustBundleStrategy,

  'roles.rbac.authorization.k8s.io': roleStrategy,
  'clusterroles.rbac.authorization.k8s.io': clusterRoleStrategy,
  'rolebindings.rbac.authorization.k8s.io': roleBindingStrategy,
  'clusterrolebindings.rbac.authorization.k8s.io': clusterRoleBindingStrategy,

  'validatingwebhookconfigurations.admissionregistration.k8s.io': validatingWebhookStrategy,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': mutatingWebhookStrategy,
  'validatingadmissionpolicies.admissionregistration.k8s.io': validatingPolicyStrategy,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': validatingPolicyBindingStrategy,
  'mutatingadmissionpolicies.admissionregistration.k8s.io': mutatingPolicyStrategy,
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': mutatingPolicyBindingStrategy,
  'customresourcedefinitions.apiextensions.k8s.io': customResourceDefinitionStrategy,
  'apiservices.apiregistration.k8s.io': apiServiceStrategy,
  'flowschemas.flowcontrol.apiserver.k8s.io': flowSchemaStrategy,
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': priorityLevelStrategy,
  'deviceclasses.resource.k8s.io': deviceClassStrategy,
  'devicetaintrules.resource.k8s.io': deviceTaintRuleStrategy,
  'resourceclaims.resource.k8s.io': resourceClaimStrategy,
  'resourceclaimtemplates.resource.k8s.io': resourceClaimTemplateStrategy,
  'resourceslices.resource.k8s.io': resourceSliceStrategy,
  ...gatewayStrategies,
};

const plainStrategy: Strategy = {};

/** Custom resources: generation counts, and a PUT must say what it replaces. */
const customStrategy: Strategy = { generation: true, allowUnconditionalUpdate: false };

export function strategyFor(groupResource: string, custom = false): Strategy {
  const strategy = strategies[groupResource] as Strategy | undefined;
  return strategy ?? (custom ? customStrategy : plainStrategy);
}
