/** NetworkPolicies that let nobody in: pods that are selected for ingress and allow it from nowhere, or not at the port that a Service leads to. */
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/schema/types/networking-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { networkPolicies } from '../../client/resources.ts';
import { type Finding, finding, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { containersOf } from '../pods/containers.ts';
import { listed } from '../words.ts';

const isForIngress = ({ spec }: NetworkPolicy): boolean => spec?.policyTypes?.includes('Ingress') ?? true;

export async function forbiddingPolicies(
  service: Service,
  own: readonly Pod[],
  { look }: Inquiry,
): Promise<readonly Finding[]> {
  const [pod] = own;
  if (pod === undefined) return [];
  const selecting = (await look.list(networkPolicies, service.metadata?.namespace ?? '')).filter(
    (policy) => isForIngress(policy) && labelMatcher(policy.spec?.podSelector ?? {}).matches(pod.metadata?.labels),
  );
  if (selecting.length === 0) return [];
  const rules = selecting.flatMap(({ spec }) => spec?.ingress ?? []);
  const list = listed(selecting.map((policy) => `"${subjectOf(policy).name}"`));
  const [names, forbid] =
    selecting.length === 1 ? [`NetworkPolicy ${list}`, 'lets'] : [`NetworkPolicies ${list} together`, 'let'];
  const fix = [
    remedy(
      'Allow what shall come in, in one of them or in another one: policies add up',
      `naru get networkpolicies -n ${service.metadata?.namespace} -o yaml`,
    ),
  ];
  if (rules.length === 0) {
    return [
      finding(service, 'PolicyForbids', `${names} ${forbid} nobody reach its pods`, {
        why: ['spec.ingress allows nothing'],
        fix,
      }),
    ];
  }
  const closed = (service.spec?.ports ?? []).filter(
    ({ port, targetPort = port, protocol = 'TCP' }) =>
      !rules.some(({ ports }) => allows(ports, pod, numberOf(targetPort, pod), protocol)),
  );
  if (closed.length > 0) {
    const text = listed(closed.map(({ port, targetPort = port }) => `${port} (${targetPort} of the pods)`));
    return [
      finding(service, 'PolicyForbids', `${names} ${forbid} nobody reach its port ${text}`, {
        why: ['no rule of spec.ingress names that port'],
        fix,
      }),
    ];
  }
  if (rules.some(({ from }) => from === undefined || from.length === 0)) return [];
  const peers = rules.flatMap(({ from }) => from ?? []).map(peerText);
  return [
    finding(service, 'PolicyLimits', `only some may reach its pods (${names}): ${listed([...new Set(peers)], 5)}`, {
      severity: 'note',
      why: ['everybody else’s connections are dropped without an answer'],
      fix,
    }),
  ];
}

const numberOf = (target: number | string, pod: Pod): number | undefined =>
  typeof target === 'number'
    ? target
    : containersOf(pod)
        .flatMap(({ container }) => container.ports ?? [])
        .find(({ name }) => name === target)?.containerPort;

function allows(
  ports: readonly NetworkPolicyPort[] | undefined,
  pod: Pod,
  number: number | undefined,
  protocol: string,
): boolean {
  if (ports === undefined || ports.length === 0) return true;
  return ports.some(({ port, endPort, protocol: own = 'TCP' }) => {
    if (own !== protocol) return false;
    if (port === undefined) return true;
    const first = numberOf(port, pod);
    return first !== undefined && number !== undefined && number >= first && number <= (endPort ?? first);
  });
}

function peerText({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): string {
  if (ipBlock !== undefined) return `addresses of ${ipBlock.cidr}`;
  const pods = podSelector === undefined ? 'pods' : `pods with ${selectorText(podSelector)}`;
  return namespaceSelector === undefined ? pods : `${pods} of namespaces with ${selectorText(namespaceSelector)}`;
}

const selectorText = (selector: LabelSelector): string => labelMatcher(selector).toString() || 'any labels';
