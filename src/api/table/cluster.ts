/** How the cluster's own kinds are printed: nodes, namespaces, events, leases, roles, certificates, quotas, classes. */
import type { APIService } from '../schema/types/apiregistration-v1.ts';
import type { CertificateSigningRequest } from '../schema/types/certificates-v1.ts';
import type { ClusterTrustBundle } from '../schema/types/certificates-v1beta1.ts';
import type { Lease } from '../schema/types/coordination-v1.ts';
import type { ComponentStatus, Namespace, Node, ResourceQuota } from '../schema/types/core-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../schema/types/flowcontrol-v1.ts';
import type { RuntimeClass } from '../schema/types/node-v1.ts';
import type { RoleBinding } from '../schema/types/rbac-v1.ts';
import type { PriorityClass } from '../schema/types/scheduling-v1.ts';
import {
  ageColumn,
  boolean,
  type Column,
  integer,
  nameColumn,
  nameOf,
  type Printer,
  printer,
  text,
  wide,
} from './column.ts';
import { humanDuration } from './duration.ts';

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${state},SchedulingDisabled` : state;
}

const rolePrefix = 'node-role.kubernetes.io/';

function nodeRoles({ metadata }: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata?.labels ?? {})) {
    if (key.startsWith(rolePrefix)) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role') roles.add(value);
  }
  roles.delete('');
  return [...roles].sort().join(',') || '<none>';
}

/** The architecture stands behind the kernel's version. */
function kernel({ status }: Node): string {
  const { kernelVersion = '', architecture = '' } = status?.nodeInfo ?? {};
  return `${kernelVersion || '<unknown>'}${architecture === '' ? '' : ` (${architecture})`}`;
}

function nodeAddress({ status }: Node, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? '<none>';
}

const nodes = printer<Node>(
  nameColumn,
  text('Status', nodeStatus),
  text('Roles', nodeRoles),
  ageColumn,
  text('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  wide(text('Internal-IP', (node) => nodeAddress(node, 'InternalIP'))),
  wide(text('External-IP', (node) => nodeAddress(node, 'ExternalIP'))),
  wide(text('OS-Image', ({ status }) => status?.nodeInfo?.osImage || '<unknown>')),
  wide(text('Kernel-Version', kernel)),
  wide(text('Container-Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>')),
);

const namespaces = printer<Namespace>(
  nameColumn,
  text('Status', ({ status }) => status?.phase ?? ''),
  ageColumn,
);

const leases = printer<Lease>(
  nameColumn,
  text('Holder', ({ spec }) => spec?.holderIdentity ?? ''),
  ageColumn,
);

const componentStatuses = printer<ComponentStatus>(
  nameColumn,
  text('Status', (object) => {
    const condition = healthOf(object);
    if (condition === undefined) return 'Unknown';
    return condition.status === 'True' ? 'Healthy' : 'Unhealthy';
  }),
  text('Message', (object) => healthOf(object)?.message ?? ''),
  text('Error', (object) => healthOf(object)?.error ?? ''),
);

function healthOf({ conditions }: ComponentStatus): NonNullable<ComponentStatus['conditions']>[number] | undefined {
  return conditions?.find(({ type }) => type === 'Healthy');
}

/** `limits.*` stand in their own column. */
function quotaText({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits.') === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name] ?? '0'}`)
    .join(', ');
}

const resourceQuotas = printer<ResourceQuota>(
  nameColumn,
  text('Request', (quota) => quotaText(quota, false)),
  text('Limit', (quota) => quotaText(quota, true)),
  ageColumn,
);

function subjectNames({ subjects = [] }: RoleBinding, kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name }) => (namespace ? `${namespace}/${name}` : name))
    .join(', ');
}

const bindingColumns: readonly Column<RoleBinding>[] = [
  nameColumn,
  text('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide(text('Users', (binding) => subjectNames(binding, 'User'))),
  wide(text('Groups', (binding) => subjectNames(binding, 'Group'))),
  wide(text('ServiceAccounts', (binding) => subjectNames(binding, 'ServiceAccount'))),
];

function requestCondition({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) ?? false;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',');
}

const certificateSigningRequests = printer<CertificateSigningRequest>(
  nameColumn,
  ageColumn,
  text('SignerName', ({ spec }) => spec.signerName || '<none>'),
  text('Requestor', ({ spec }) => spec.username ?? ''),
  text('RequestedDuration', ({ spec }) =>
    spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
  ),
  text('Condition', requestCondition),
);

const clusterTrustBundles = printer<ClusterTrustBundle>(
  nameColumn,
  text('SignerName', ({ spec }) => spec.signerName || '<none>'),
);

const priorityClasses = printer<PriorityClass>(
  nameColumn,
  integer('Value', ({ value }) => value),
  boolean('Global-Default', ({ globalDefault }) => globalDefault),
  ageColumn,
  text('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
);

const runtimeClasses = printer<RuntimeClass>(
  nameColumn,
  text('Handler', ({ handler }) => handler),
  ageColumn,
);

/** The one that is tried first stands first. */
function byPrecedence(left: FlowSchema, right: FlowSchema): number {
  const difference = (left.spec?.matchingPrecedence ?? 0) - (right.spec?.matchingPrecedence ?? 0);
  return difference !== 0 ? difference : nameOf(left) < nameOf(right) ? -1 : 1;
}

const flowSchemas: Printer = {
  ...printer<FlowSchema>(
    nameColumn,
    text('PriorityLevel', ({ spec }) => spec?.priorityLevelConfiguration.name ?? ''),
    text('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence ?? 0),
    text('DistinguisherMethod', ({ spec }) => spec?.distinguisherMethod?.type ?? '<none>'),
    ageColumn,
    text('MissingPL', ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
  ),
  order: byPrecedence,
};

type Queuing = NonNullable<
  NonNullable<NonNullable<NonNullable<PriorityLevelConfiguration['spec']>['limited']>['limitResponse']>['queuing']
>;

function queuingOf({ spec }: PriorityLevelConfiguration): Queuing | undefined {
  return spec?.limited?.limitResponse?.queuing;
}

const priorityLevels = printer<PriorityLevelConfiguration>(
  nameColumn,
  text('Type', ({ spec }) => spec?.type ?? ''),
  text('NominalConcurrencyShares', ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? '<none>'),
  text('Queues', (level) => queuingOf(level)?.queues ?? '<none>'),
  text('HandSize', (level) => queuingOf(level)?.handSize ?? '<none>'),
  text('QueueLengthLimit', (level) => queuingOf(level)?.queueLengthLimit ?? '<none>'),
  ageColumn,
);

function availability({ status }: APIService): string {
  const available = status?.conditions?.find(({ type }) => type === 'Available');
  if (available === undefined) return 'Unknown';
  return available.status === 'True' || !available.reason
    ? available.status
    : `${available.status} (${available.reason})`;
}

const apiServices = printer<APIService>(
  nameColumn,
  text('Service', ({ spec }) =>
    spec?.service === undefined ? 'Local' : `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}`,
  ),
  text('Available', availability),
  ageColumn,
);

export const clusterPrinters: Readonly<Record<string, Printer>> = {
  nodes,
  namespaces,
  componentstatuses: componentStatuses,
  resourcequotas: resourceQuotas,
  'leases.coordination.k8s.io': leases,
  'rolebindings.rbac.authorization.k8s.io': printer(...bindingColumns),
  'clusterrolebindings.rbac.authorization.k8s.io': printer(...bindingColumns),
  'certificatesigningrequests.certificates.k8s.io': certificateSigningRequests,
  'clustertrustbundles.certificates.k8s.io': clusterTrustBundles,
  'priorityclasses.scheduling.k8s.io': priorityClasses,
  'runtimeclasses.node.k8s.io': runtimeClasses,
  'flowschemas.flowcontrol.apiserver.k8s.io': flowSchemas,
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': priorityLevels,
  'apiservices.apiregistration.k8s.io': apiServices,
};
