/**
 * The built-in resources that naru's parts work with, each with its type: `client.get(pods, …)` resolves with a `Pod`. For what is known
 * only at run time (custom resources, the garbage collector's graph) `resourceOf` makes one from a `ResourceInfo`.
 */
import type { KubeObject } from '../api/object.ts';
import type { ResourceInfo } from '../api/resources.ts';
import type { ValidatingAdmissionPolicy } from '../api/schema/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../api/schema/types/apiextensions-v1.ts';
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '../api/schema/types/apps-v1.ts';
import type { SubjectAccessReview } from '../api/schema/types/authorization-v1.ts';
import type { HorizontalPodAutoscaler } from '../api/schema/types/autoscaling-v2.ts';
import type { CronJob, Job } from '../api/schema/types/batch-v1.ts';
import type { CertificateSigningRequest } from '../api/schema/types/certificates-v1.ts';
import type { ClusterTrustBundle } from '../api/schema/types/certificates-v1beta1.ts';
import type { Lease } from '../api/schema/types/coordination-v1.ts';
import type {
  ConfigMap,
  Endpoints,
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from '../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../api/schema/types/discovery-v1.ts';
import type { Event as EventV1 } from '../api/schema/types/events-v1.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from '../api/schema/types/gateway-v1.ts';
import type {
  Ingress,
  IngressClass,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from '../api/schema/types/networking-v1.ts';
import type { RuntimeClass } from '../api/schema/types/node-v1.ts';
import type { PodDisruptionBudget } from '../api/schema/types/policy-v1.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../api/schema/types/rbac-v1.ts';
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../api/schema/types/resource-v1beta2.ts';
import type { PriorityClass } from '../api/schema/types/scheduling-v1.ts';
import type { PodGroup } from '../api/schema/types/scheduling-v1alpha2.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../api/schema/types/storage-v1.ts';
import type { Resource } from './client.ts';

function namespaced<T extends KubeObject>(group: string, version: string, kind: string, resource: string): Resource<T> {
  return { group, version, kind, resource, namespaced: true };
}

function clusterWide<T extends KubeObject>(
  group: string,
  version: string,
  kind: string,
  resource: string,
): Resource<T> {
  return { group, version, kind, resource, namespaced: false };
}

/** The resource of a row of the table, its objects known only as Kubernetes objects. */
export function resourceOf(info: ResourceInfo): Resource<KubeObject> {
  const { group, version, kind, resource, namespaced } = info;
  return { group, version, kind, resource, namespaced };
}

export const pods = namespaced<Pod>('', 'v1', 'Pod', 'pods');
export const nodes = clusterWide<Node>('', 'v1', 'Node', 'nodes');
export const namespaces = clusterWide<Namespace>('', 'v1', 'Namespace', 'namespaces');
export const services = namespaced<Service>('', 'v1', 'Service', 'services');
export const serviceCidrs = clusterWide<ServiceCIDR>('networking.k8s.io', 'v1', 'ServiceCIDR', 'servicecidrs');
export const ipAddresses = clusterWide<IPAddress>('networking.k8s.io', 'v1', 'IPAddress', 'ipaddresses');
export const endpoints = namespaced<Endpoints>('', 'v1', 'Endpoints', 'endpoints');
export const configMaps = namespaced<ConfigMap>('', 'v1', 'ConfigMap', 'configmaps');
export const secrets = namespaced<Secret>('', 'v1', 'Secret', 'secrets');
export const serviceAccounts = namespaced<ServiceAccount>('', 'v1', 'ServiceAccount', 'serviceaccounts');
export const events = namespaced<Event>('', 'v1', 'Event', 'events');
export const eventsV1 = namespaced<EventV1>('events.k8s.io', 'v1', 'Event', 'events');
export const persistentVolumes = clusterWide<PersistentVolume>('', 'v1', 'PersistentVolume', 'persistentvolumes');
export const persistentVolumeClaims = namespaced<PersistentVolumeClaim>(
  '',
  'v1',
  'PersistentVolumeClaim',
  'persistentvolumeclaims',
);
export const replicationControllers = namespaced<ReplicationController>(
  '',
  'v1',
  'ReplicationController',
  'replicationcontrollers',
);
export const resourceQuotas = namespaced<ResourceQuota>('', 'v1', 'ResourceQuota', 'resourcequotas');
export const limitRanges = namespaced<LimitRange>('', 'v1', 'LimitRange', 'limitranges');
export const podTemplates = namespaced<PodTemplate>('', 'v1', 'PodTemplate', 'podtemplates');

export const deployments = namespaced<Deployment>('apps', 'v1', 'Deployment', 'deployments');
export const replicaSets = namespaced<ReplicaSet>('apps', 'v1', 'ReplicaSet', 'replicasets');
export const statefulSets = namespaced<StatefulSet>('apps', 'v1', 'StatefulSet', 'statefulsets');
export const daemonSets = namespaced<DaemonSet>('apps', 'v1', 'DaemonSet', 'daemonsets');
export const controllerRevisions = namespaced<ControllerRevision>(
  'apps',
  'v1',
  'ControllerRevision',
  'controllerrevisions',
);

export const jobs = namespaced<Job>('batch', 'v1', 'Job', 'jobs');
export const cronJobs = namespaced<CronJob>('batch', 'v1', 'CronJob', 'cronjobs');

export const horizontalPodAutoscalers = namespaced<HorizontalPodAutoscaler>(
  'autoscaling',
  'v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);

export const podDisruptionBudgets = namespaced<PodDisruptionBudget>(
  'policy',
  'v1',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
);

export const leases = namespaced<Lease>('coordination.k8s.io', 'v1', 'Lease', 'leases');

export const endpointSlices = namespaced<EndpointSlice>('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices');

export const ingresses = namespaced<Ingress>('networking.k8s.io', 'v1', 'Ingress', 'ingresses');
export const ingressClasses = clusterWide<IngressClass>('networking.k8s.io', 'v1', 'IngressClass', 'ingressclasses');
export const networkPolicies = namespaced<NetworkPolicy>('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies');

const gatewayGroup = 'gateway.networking.k8s.io';

export const gatewayClasses = clusterWide<GatewayClass>(gatewayGroup, 'v1', 'GatewayClass', 'gatewayclasses');
export const gateways = namespaced<Gateway>(gatewayGroup, 'v1', 'Gateway', 'gateways');
export const listenerSets = namespaced<ListenerSet>(gatewayGroup, 'v1', 'ListenerSet', 'listenersets');
export const httpRoutes = namespaced<HTTPRoute>(gatewayGroup, 'v1', 'HTTPRoute', 'httproutes');
export const grpcRoutes = namespaced<GRPCRoute>(gatewayGroup, 'v1', 'GRPCRoute', 'grpcroutes');
export const tlsRoutes = namespaced<TLSRoute>(gatewayGroup, 'v1', 'TLSRoute', 'tlsroutes');
export const tcpRoutes = namespaced<TCPRoute>(gatewayGroup, 'v1', 'TCPRoute', 'tcproutes');
export const udpRoutes = namespaced<UDPRoute>(gatewayGroup, 'v1', 'UDPRoute', 'udproutes');
export const referenceGrants = namespaced<ReferenceGrant>(gatewayGroup, 'v1', 'ReferenceGrant', 'referencegrants');
export const backendTlsPolicies = namespaced<BackendTLSPolicy>(
  gatewayGroup,
  'v1',
  'BackendTLSPolicy',
  'backendtlspolicies',
);

export const roles = namespaced<Role>('rbac.authorization.k8s.io', 'v1', 'Role', 'roles');
export const roleBindings = namespaced<RoleBinding>('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings');
export const clusterRoles = clusterWide<ClusterRole>('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles');
export const clusterRoleBindings = clusterWide<ClusterRoleBinding>(
  'rbac.authorization.k8s.io',
  'v1',
  'ClusterRoleBinding',
  'clusterrolebindings',
);

export const priorityClasses = clusterWide<PriorityClass>(
  'scheduling.k8s.io',
  'v1',
  'PriorityClass',
  'priorityclasses',
);

export const podGroups = namespaced<PodGroup>('scheduling.k8s.io', 'v1alpha2', 'PodGroup', 'podgroups');

export const storageClasses = clusterWide<StorageClass>('storage.k8s.io', 'v1', 'StorageClass', 'storageclasses');
export const volumeAttachments = clusterWide<VolumeAttachment>(
  'storage.k8s.io',
  'v1',
  'VolumeAttachment',
  'volumeattachments',
);
export const volumeAttributesClasses = clusterWide<VolumeAttributesClass>(
  'storage.k8s.io',
  'v1',
  'VolumeAttributesClass',
  'volumeattributesclasses',
);
export const csiNodes = clusterWide<CSINode>('storage.k8s.io', 'v1', 'CSINode', 'csinodes');
export const csiDrivers = clusterWide<CSIDriver>('storage.k8s.io', 'v1', 'CSIDriver', 'csidrivers');

export const csiStorageCapacities = namespaced<CSIStorageCapacity>(
  'storage.k8s.io',
  'v1',
  'CSIStorageCapacity',
  'csistoragecapacities',
);

export const deviceClasses = clusterWide<DeviceClass>('resource.k8s.io', 'v1', 'DeviceClass', 'deviceclasses');
export const resourceClaims = namespaced<ResourceClaim>('resource.k8s.io', 'v1', 'ResourceClaim', 'resourceclaims');
export const resourceClaimTemplates = namespaced<ResourceClaimTemplate>(
  'resource.k8s.io',
  'v1',
  'ResourceClaimTemplate',
  'resourceclaimtemplates',
);
export const resourceSlices = clusterWide<ResourceSlice>('resource.k8s.io', 'v1', 'ResourceSlice', 'resourceslices');
export const deviceTaintRules = clusterWide<DeviceTaintRule>(
  'resource.k8s.io',
  'v1beta2',
  'DeviceTaintRule',
  'devicetaintrules',
);

export const certificateSigningRequests = clusterWide<CertificateSigningRequest>(
  'certificates.k8s.io',
  'v1',
  'CertificateSigningRequest',
  'certificatesigningrequests',
);

export const clusterTrustBundles = clusterWide<ClusterTrustBundle>(
  'certificates.k8s.io',
  'v1beta1',
  'ClusterTrustBundle',
  'clustertrustbundles',
);

/** A question: what is made is the answer, and nothing is stored. */
export const subjectAccessReviews = clusterWide<SubjectAccessReview>(
  'authorization.k8s.io',
  'v1',
  'SubjectAccessReview',
  'subjectaccessreviews',
);

export const runtimeClasses = clusterWide<RuntimeClass>('node.k8s.io', 'v1', 'RuntimeClass', 'runtimeclasses');

export const validatingAdmissionPolicies = clusterWide<ValidatingAdmissionPolicy>(
  'admissionregistration.k8s.io',
  'v1',
  'ValidatingAdmissionPolicy',
  'validatingadmissionpolicies',
);

export const customResourceDefinitions = clusterWide<CustomResourceDefinition>(
  'apiextensions.k8s.io',
  'v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
);
