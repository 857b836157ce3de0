/** Services, Ingresses and NetworkPolicies: what leads where. Pure but for what is asked. */
import type { Service, ServicePort } from '../../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../../api/schema/types/discovery-v1.ts';
import type {
  Ingress,
  IngressBackend,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../api/schema/types/networking-v1.ts';
import { type Asker, type Describer, pairs, selectorText } from './common.ts';
import type { Entry } from './layout.ts';

/** At it: how many more there are. */
const shownMax = 16;

async function endpointsOf(
  namespace: string,
  service: string,
  ask: Asker,
): Promise<{ readonly name: string; readonly addresses: readonly string[] }[]> {
  const slices = await ask.list<EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    labelSelector: `kubernetes.io/service-name=${service}`,
  });
  const byPort = new Map<string, string[]>();
  for (const { ports, endpoints } of slices) {
    const ready = (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses);
    for (const { name = '', port } of ports ?? []) {
      const before = byPort.get(name) ?? [];
      byPort.set(name, [
        ...before,
        ...ready.map((address) => `${address.includes(':') ? `[${address}]` : address}:${port ?? '*'}`),
      ]);
    }
  }
  return [...byPort].map(([name, addresses]) => ({ name, addresses }));
}

function shortened(list: readonly string[]): string {
  const more = list.length - shownMax;
  return list.slice(0, shownMax).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const describeService: Describer<Service> = async ({ metadata, spec = {}, status }, ask) => {
  const endpoints = await endpointsOf(metadata?.namespace ?? '', metadata?.name ?? '', ask);
  const outside = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  const endpointsText = ({ name }: ServicePort): string => {
    const found = endpoints.find((each) => each.name === (name ?? ''));
    return found === undefined || found.addresses.length === 0 ? '<none>' : shortened(found.addresses);
  };
  const ports = (spec.ports ?? []).map(
    (port): Entry => [
      `${port.name ?? '<unset>'} ${port.port}/${port.protocol ?? 'TCP'}`,
      {
        entries: [
          ['Target Port', port.targetPort],
          ['Node Port', port.nodePort || undefined],
          ['Endpoints', endpointsText(port)],
        ],
      },
    ],
  );
  return [
    ['Selector', selectorText(spec.selector)],
    ['Type', spec.type],
    ['External Name', spec.externalName],
    ['IP Families', spec.ipFamilies && `${spec.ipFamilies.join(', ')} (${spec.ipFamilyPolicy ?? ''})`],
    ['IPs', spec.clusterIPs],
    ['External IPs', spec.externalIPs],
    ['Load Balancer', spec.type === 'LoadBalancer' ? outside : undefined],
    ['Ports', { entries: ports }],
    ['Session Affinity', spec.sessionAffinity],
    ['Internal Traffic Policy', spec.internalTrafficPolicy],
    ['External Traffic Policy', spec.externalTrafficPolicy],
  ];
};

const describeIngress: Describer<Ingress> = async ({ metadata, spec = {}, status }, ask) => {
  const backendText = async ({ service, resource }: IngressBackend): Promise<string> => {
    if (service === undefined) return `${resource?.kind ?? ''}/${resource?.name ?? ''}`;
    const port = service.port?.name ?? String(service.port?.number ?? '');
    const addresses = (await endpointsOf(metadata?.namespace ?? '', service.name, ask)).flatMap(
      (each) => each.addresses,
    );
    return `${service.name}:${port} (${addresses.length === 0 ? 'no endpoints' : shortened([...new Set(addresses)])})`;
  };
  const rows = await Promise.all(
    (spec.rules ?? []).flatMap(({ host, http }) =>
      (http?.paths ?? []).map(async ({ path, pathType, backend }) => [
        host ?? '*',
        path ?? '/',
        pathType ?? '',
        await backendText(backend),
      ]),
    ),
  );
  return [
    ['Class', spec.ingressClassName ?? '<none>'],
    ['Addresses', (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')],
    ['Default Backend', spec.defaultBackend && (await backendText(spec.defaultBackend))],
    ['TLS', spec.tls?.map(({ secretName, hosts }) => `${secretName ?? '<none>'} for ${(hosts ?? ['*']).join(', ')}`)],
    ['Rules', { columns: ['Host', 'Path', 'Path Type', 'Backend'], rows }],
  ];
};

const portText = ({ protocol, port, endPort }: NetworkPolicyPort): string =>
  `${port ?? 'any'}${endPort === undefined ? '' : `-${endPort}`}/${protocol ?? 'TCP'}`;

function peerText({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): string {
  if (ipBlock) return `${ipBlock.cidr}${ipBlock.except ? ` except ${ipBlock.except.join(', ')}` : ''}`;
  const pods = podSelector === undefined ? 'all pods' : `pods ${selectorText(podSelector).replace('<none>', '(all)')}`;
  return namespaceSelector === undefined
    ? pods
    : `${pods} in namespaces ${selectorText(namespaceSelector).replace('<none>', '(all)')}`;
}

function rules(
  peers: readonly { readonly ports?: readonly NetworkPolicyPort[]; readonly who?: readonly NetworkPolicyPeer[] }[],
): string[] {
  return peers.map(({ ports, who }) => {
    const from = who === undefined || who.length === 0 ? 'anybody' : who.map(peerText).join('; or ');
    return `${from}, on ${ports === undefined || ports.length === 0 ? 'any port' : ports.map(portText).join(', ')}`;
  });
}

const describePolicy: Describer<NetworkPolicy> = ({ spec }) => {
  const types = spec?.policyTypes ?? ['Ingress'];
  const incoming = rules(
    (spec?.ingress ?? []).map(({ ports, from }) => ({ ...(ports && { ports }), ...(from && { who: from }) })),
  );
  const outgoing = rules(
    (spec?.egress ?? []).map(({ ports, to }) => ({ ...(ports && { ports }), ...(to && { who: to }) })),
  );
  const allowed = (list: readonly string[]): readonly string[] =>
    list.length === 0 ? ['nobody: all is refused'] : list;
  return [
    ['Pods', selectorText(spec?.podSelector).replace('<none>', 'all of the namespace')],
    ['Policy Types', types.join(', ')],
    ['Allowed From', types.includes('Ingress') ? allowed(incoming) : undefined],
    ['Allowed To', types.includes('Egress') ? allowed(outgoing) : undefined],
  ];
};

const describeSlice: Describer<EndpointSlice> = ({ addressType, ports, endpoints }) => [
  ['Address Type', addressType],
  [
    'Ports',
    {
      columns: ['Name', 'Port', 'Protocol'],
      rows: (ports ?? []).map(({ name, port, protocol }) => [
        name || '<unset>',
        String(port ?? '*'),
        protocol ?? 'TCP',
      ]),
    },
  ],
  [
    'Endpoints',
    {
      columns: ['Addresses', 'Ready', 'Serving', 'Terminating', 'Target', 'Node'],
      rows: (endpoints ?? []).map(({ addresses, conditions, targetRef, nodeName }) => [
        addresses.join(','),
        ...[conditions?.ready, conditions?.serving, conditions?.terminating].map((each) => String(each ?? '<unset>')),
        targetRef === undefined ? '<none>' : `${targetRef.kind ?? ''}/${targetRef.name ?? ''}`,
        nodeName ?? '<none>',
      ]),
    },
  ],
];

export const networkDescribers: Readonly<Record<string, Describer<never>>> = {
  'Service.': describeService,
  'Ingress.networking.k8s.io': describeIngress,
  'NetworkPolicy.networking.k8s.io': describePolicy,
  'EndpointSlice.discovery.k8s.io': describeSlice,
  'IngressClass.networking.k8s.io': ({
    spec,
  }: {
    readonly spec?: { readonly controller?: string; readonly parameters?: object };
  }) => [
    ['Controller', spec?.controller],
    ['Parameters', spec?.parameters === undefined ? undefined : pairs(spec.parameters as Record<string, string>)],
  ],
};
