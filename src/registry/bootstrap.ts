/**
 * What every cluster has from the start: four namespaces, the priority classes of the cluster's own pods, the `kubernetes` Service, by
 * which pods find the API, the classes of its own gateway and volumes, and upstream's flow schemas with their priority levels. Made where missing, through the registry as anybody
 * would; left alone where present. The class of naru's own volumes is made once and never again: who deletes it wants none.
 */
import { gatewayController } from '../api/gateway-references.ts';
import { ingressController, ownIngressClass } from '../api/ingress-classes.ts';
import { localClassName, localProvisioner } from '../api/local-volumes.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import { resourceTable } from '../api/resource-table.ts';
import type { Service } from '../api/schema/types/core-v1.ts';
import type { ServiceCIDR } from '../api/schema/types/networking-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { flowSchemas, foundLevels, priorityLevels } from './bootstrap-flow-control.ts';
import type { RequestHandler, RequestTarget, UserInfo } from './request.ts';
import { dnsAddress, ownCidrName, type ServiceRanges } from './service-ranges.ts';

const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

interface Wanted {
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly body: JsonObject;
  readonly fieldManager?: string;
}

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'].map(
  (name): Wanted => ({
    group: '',
    resource: 'namespaces',
    body: { metadata: { name } },
  }),
);

/** Their namespaces' own loop would make these, too, a moment later: with them, the first pod need not wait. */
const serviceAccounts = namespaces.map(
  ({ body }): Wanted => ({
    group: '',
    resource: 'serviceaccounts',
    namespace: (body['metadata'] as { readonly name: string }).name,
    body: { metadata: { name: 'default' } },
  }),
);

const priorityClasses = [
  { name: 'system-node-critical', value: 2_000_001_000, description: 'For pods without which a node does not work.' },
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description: 'For pods without which the cluster does not work.',
  },
].map(
  ({ name, value, description }): Wanted => ({
    group: 'scheduling.k8s.io',
    resource: 'priorityclasses',
    body: { metadata: { name }, value, description },
  }),
);

const apiService = ({ apiAddress }: ServiceRanges): Wanted => ({
  group: '',
  resource: 'services',
  namespace: 'default',
  body: {
    metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: apiAddress,
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
    },
  },
});

/** By which pods find names: each node answers at its address (`network/dns`), so it selects nobody. */
const dnsService = ({ cidrs }: ServiceRanges): Wanted => ({
  group: '',
  resource: 'services',
  namespace: 'kube-system',
  body: {
    metadata: { name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' } },
    spec: {
      clusterIP: dnsAddress(cidrs[0] ?? ''),
      clusterIPs: cidrs.map(dnsAddress),
      ipFamilyPolicy: 'PreferDualStack',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  },
});

const cidrGroup = 'networking.k8s.io';

/** Where the addresses of Services come from. */
const serviceCidr = ({ cidrs }: ServiceRanges): Wanted => ({
  group: cidrGroup,
  resource: 'servicecidrs',
  body: { metadata: { name: ownCidrName }, spec: { cidrs: [...cidrs] } },
});

/** Whoever names no class gets it, as long as it is marked so: of several that are marked, the newest counts. */
const ingressClass: Wanted = {
  group: 'networking.k8s.io',
  resource: 'ingressclasses',
  body: {
    metadata: { name: ownIngressClass, annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
    spec: { controller: ingressController },
  },
};

/** Of Gateways that this cluster serves itself. */
const gatewayClass: Wanted = {
  group: 'gateway.networking.k8s.io',
  resource: 'gatewayclasses',
  body: { metadata: { name: 'naru' }, spec: { controllerName: gatewayController } },
};

/** Its claims get a folder of the node where their pod goes (`controllers/local-volumes`). */
const localClass = (isDefault: boolean): Wanted => ({
  group: 'storage.k8s.io',
  resource: 'storageclasses',
  body: {
    metadata: {
      name: localClassName,
      annotations: {
        'storageclass.kubernetes.io/is-default-class': String(isDefault),
        'naru.io/description':
          'A folder of the node where the pod runs; its size is not enforced, and it is lost with the node.',
      },
    },
    provisioner: localProvisioner,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
  },
});

/** On kube-system: the class was made. */
const localClassMark = 'naru.io/local-storage-class';

/** In a cluster that has a default class already it is made, but not the default. */
async function createLocalClass(handler: RequestHandler): Promise<void> {
  const namespaces = resourceTable().find('', 'v1', 'namespaces');
  const classes = resourceTable().find('storage.k8s.io', 'v1', 'storageclasses');
  if (namespaces === undefined || classes === undefined) return;
  const common = { user: apiServer, namespace: '', subresource: '' };
  const system = { ...common, resource: namespaces, name: 'kube-system' };
  const { object } = await handler.get(system);
  if (object.metadata?.annotations?.[localClassMark] !== undefined) return;
  const { objects } = await handler.list({ ...common, resource: classes, name: '' }, {});
  const hasDefault = objects.some(
    ({ metadata }) => metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  );
  await createMissing(handler, localClass(!hasDefault));
  const body = { metadata: { annotations: { [localClassMark]: 'made' } } };
  await handler.patch(system, 'application/merge-patch+json', body, { fieldManager: 'kube-apiserver' });
}

const flowGroup = 'flowcontrol.apiserver.k8s.io';

const flowControl = Object.entries({ prioritylevelconfigurations: priorityLevels, flowschemas: flowSchemas }).flatMap(
  ([resource, bodies]) =>
    bodies.map(
      (body): Wanted => ({
        group: flowGroup,
        resource,
        body,
        fieldManager: 'api-priority-and-fairness-config-producer-v1',
      }),
    ),
);

/** The registry itself, whose ranges are settled first. */
type Bootstrapped = RequestHandler & { readonly serviceRanges: ServiceRanges };

/** Idempotent. Rejects with what the registry refuses, save that something exists already; Error where the cluster was told other ranges. */
export async function bootstrap(handler: Bootstrapped): Promise<void> {
  const { serviceRanges: ranges } = handler;
  ranges.settle();
  const cidr = serviceCidr(ranges);
  for (const wanted of [
    ...namespaces,
    ...serviceAccounts,
    ...priorityClasses,
    cidr,
    apiService(ranges),
    ingressClass,
    gatewayClass,
  ])
    await createMissing(handler, wanted);
  await createLocalClass(handler);
  await addFamily(handler, ranges.cidrs);
  await createDnsService(handler, dnsService(ranges));
  await upgradeDnsService(handler, ranges.cidrs);
  // None of these needs another: together they are one commit.
  await Promise.all(flowControl.map((wanted) => createMissing(handler, wanted)));
  await sayWhatIsFound(handler);
}

/** As upstream's: each flow schema's status tells whether its priority level is there. */
async function sayWhatIsFound(handler: RequestHandler): Promise<void> {
  const [schemas, levels] = await Promise.all([
    listed(handler, 'flowschemas'),
    listed(handler, 'prioritylevelconfigurations'),
  ]);
  await Promise.all(foundLevels(schemas, levels).map(({ name, body }) => applyStatus(handler, name, body)));
}

async function applyStatus(handler: RequestHandler, name: string, body: JsonObject): Promise<void> {
  const target = flowTarget('flowschemas', name, 'status');
  if (target === undefined) return;
  const options = { fieldManager: 'api-priority-and-fairness-config-consumer-v1', force: true };
  await handler.patch(target, 'application/apply-patch+yaml', body, options);
}

async function listed(handler: RequestHandler, resource: string): Promise<readonly KubeObject[]> {
  const target = flowTarget(resource);
  return target === undefined ? [] : (await handler.list(target, {})).objects;
}

function flowTarget(resource: string, name = '', subresource = ''): RequestTarget | undefined {
  const info = resourceTable().find(flowGroup, 'v1', resource);
  return info && { user: apiServer, resource: info, namespace: '', name, subresource };
}

/** A cluster of one family that was told of a second one says so. */
async function addFamily(handler: RequestHandler, cidrs: readonly string[]): Promise<void> {
  const info = resourceTable().find(cidrGroup, 'v1', 'servicecidrs');
  if (info === undefined || cidrs.length < 2) return;
  const target: RequestTarget = { user: apiServer, resource: info, namespace: '', name: ownCidrName, subresource: '' };
  const { object } = await handler.get(target);
  if ((object as ServiceCIDR).spec?.cidrs?.length === cidrs.length) return;
  await handler.patch(
    target,
    'application/merge-patch+json',
    { spec: { cidrs: [...cidrs] } },
    { fieldManager: 'kube-apiserver' },
  );
}

/** A Service of the users' that got the address first keeps it, and this one gets another: a cluster starts all the same. */
async function createDnsService(handler: RequestHandler, wanted: Wanted): Promise<void> {
  try {
    await createMissing(handler, wanted);
  } catch (error) {
    if (!hasReason(error, 'Invalid')) throw error;
    const { clusterIP: _one, clusterIPs: _all, ...spec } = wanted.body['spec'] as JsonObject;
    await createMissing(handler, { ...wanted, body: { ...wanted.body, spec } });
  }
}

/** With the cluster's second family its DNS gets an address there: the tenth, or another where somebody has that one. What a person made otherwise stays. */
async function upgradeDnsService(handler: RequestHandler, cidrs: readonly string[]): Promise<void> {
  const info = resourceTable().find('', 'v1', 'services');
  if (info === undefined || cidrs.length < 2) return;
  const name = 'kube-dns';
  const target: RequestTarget = { user: apiServer, resource: info, namespace: 'kube-system', name, subresource: '' };
  const { spec = {} } = (await handler.get(target)).object as Service;
  const [own = '', ...others] = spec.clusterIPs ?? [];
  if (spec.ipFamilyPolicy !== 'PreferDualStack' || own === 'None' || others.length > 0) return;
  const second = cidrs.find((cidr) => cidr.includes(':') !== own.includes(':')) ?? '';
  const families = own.includes(':') ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
  const upgrade = (more: JsonObject): Promise<unknown> =>
    handler.patch(target, 'application/merge-patch+json', { spec: more }, { fieldManager: 'kube-apiserver' });
  try {
    await upgrade({ clusterIPs: [own, dnsAddress(second)] });
  } catch (error) {
    if (!hasReason(error, 'Invalid')) throw error;
    await upgrade({ ipFamilies: families });
  }
}

async function createMissing(
  handler: RequestHandler,
  { group, resource, namespace = '', body, fieldManager = 'kube-apiserver' }: Wanted,
): Promise<void> {
  const info = resourceTable().find(group, 'v1', resource);
  if (info === undefined) return;
  const { name } = body['metadata'] as { readonly name: string };
  const target: RequestTarget = { user: apiServer, resource: info, namespace, name: '', subresource: '' };
  if (await isThere(handler, { ...target, name })) return;
  try {
    await handler.create(target, body, { fieldManager });
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
  }
}

/** Asked first: a quota that is full refuses what exists already, too, and a cluster must start again all the same. */
async function isThere(handler: RequestHandler, target: RequestTarget): Promise<boolean> {
  try {
    await handler.get(target);
    return true;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false;
    throw error;
  }
}
