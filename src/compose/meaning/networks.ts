/**
 * Networks as policies. Each is a label of pods, and a NetworkPolicy lets those of one label reach each other; who shares no network with a
 * service does not reach it. Where all services share one network there is nothing to keep apart, and no policy is made. Published ports
 * stay open to everybody. `internal` networks have no way out; `network_mode: none` has none at all.
 */
import type { NetworkPolicy, NetworkPolicyEgressRule } from '../../api/schema/types/networking-v1.ts';
import { isOn } from '../model.ts';
import { annotationsOf } from './annotations.ts';
import { dnsLabel } from './names.ts';
import { isOnHost } from './ports.ts';
import type { Translation } from './translation.ts';

/** The networks that a service is on; none with `network_mode: host` or `none`. */
export function networksOf(name: string, translation: Translation): string[] {
  const { networks, network_mode: mode } = translation.service(translation.host(name));
  if (mode === 'host' || mode === 'none') return [];
  const named = Object.keys(networks ?? {});
  return named.length > 0 ? named : ['default'];
}

/** Labels of a pod, where policies are made. */
export function networkLabels(name: string, translation: Translation): Record<string, string> {
  if (!areApart(translation)) return {};
  return Object.fromEntries(networksOf(name, translation).map((network) => label(network, translation)));
}

function label(network: string, translation: Translation): [string, string] {
  const isExternal = isOn(translation.project.networks.get(network)?.external);
  return [`network.naru.io/${dnsLabel(network)}`, isExternal ? 'external' : translation.partOf];
}

const isInternal = (network: string, { project }: Translation): boolean =>
  isOn(project.networks.get(network)?.internal);

function areApart(translation: Translation): boolean {
  const { services } = translation.project;
  const hosts = [...services.keys()].filter((name) => translation.host(name) === name);
  const sets = hosts.map((name) => networksOf(name, translation));
  if (hosts.some((name) => services.get(name)?.network_mode === 'none')) return true;
  if (sets.flat().some((network) => isInternal(network, translation))) return true;
  const onNetworks = sets.filter((networks) => networks.length > 0);
  return onNetworks.some((one) => onNetworks.some((other) => !one.some((network) => other.includes(network))));
}

/** Each with the place where it comes from. */
export function policies(translation: Translation): (readonly [NetworkPolicy, string])[] {
  if (!areApart(translation)) return [];
  const hosts = [...translation.project.services.keys()].filter((name) => translation.host(name) === name);
  const used = new Set(hosts.flatMap((name) => networksOf(name, translation)));
  return [
    ...[...used].map((network) => [within(network, translation), `networks.${network}`] as const),
    ...hosts.flatMap((name) => ownPolicies(name, translation).map((policy) => [policy, `services.${name}`] as const)),
  ];
}

function within(network: string, translation: Translation): NetworkPolicy {
  const members = { matchLabels: Object.fromEntries([label(network, translation)]) };
  const { labels } = translation.project.networks.get(network) ?? {};
  const annotations = annotationsOf(labels, `networks.${network}.labels`, translation);
  const policy = policyOf(translation.scoped(network), members.matchLabels, translation, {
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: members }] }],
  });
  return annotations === undefined ? policy : { ...policy, metadata: { ...policy.metadata, annotations } };
}

function ownPolicies(name: string, translation: Translation): NetworkPolicy[] {
  const selector = translation.selector(name);
  const { network_mode: mode } = translation.service(name);
  if (mode === 'host') return [];
  if (mode === 'none') {
    return [
      policyOf(translation.scoped(`${name}-none`), selector, translation, { policyTypes: ['Ingress', 'Egress'] }),
    ];
  }
  const networks = networksOf(name, translation);
  const isInside = networks.every((network) => isInternal(network, translation));
  const ports = publishedTargets(name, translation);
  if (isInside && ports.length > 0) {
    translation.note(
      `services.${name}.ports`,
      'Compose publishes no ports of services whose networks are all internal; nor is it done here',
    );
  }
  return [
    ...(isInside ? [inside(name, networks, translation)] : []),
    ...(!isInside && ports.length > 0
      ? [
          policyOf(translation.scoped(`${name}-published`), selector, translation, {
            policyTypes: ['Ingress'],
            ingress: [{ ports }],
          }),
        ]
      : []),
  ];
}

/** Its own networks and the name server. */
function inside(name: string, networks: readonly string[], translation: Translation): NetworkPolicy {
  const egress: NetworkPolicyEgressRule[] = [
    {
      to: networks.map((network) => ({
        podSelector: { matchLabels: Object.fromEntries([label(network, translation)]) },
      })),
    },
    {
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ],
    },
  ];
  return policyOf(translation.scoped(`${name}-internal`), translation.selector(name), translation, {
    policyTypes: ['Egress'],
    egress,
  });
}

type Target = { readonly port: number; readonly protocol: 'TCP' | 'UDP' | 'SCTP' };

function publishedTargets(name: string, translation: Translation): Target[] {
  const members = [...translation.project.services.keys()].filter((each) => translation.host(each) === name);
  const targets = members
    .flatMap((member) => translation.service(member).ports ?? [])
    .map((port) => ({ port: port.target, protocol: port.protocol.toUpperCase() as Target['protocol'] }));
  return [...new Map(targets.map((target) => [`${target.port}/${target.protocol}`, target])).values()];
}

/** Whether ports of this service are published at all. */
export const isPublished = (name: string, translation: Translation): boolean => {
  const networks = networksOf(name, translation);
  const hasPorts = (translation.service(name).ports ?? []).some((port) => !isOnHost(port));
  return hasPorts && networks.some((network) => !isInternal(network, translation));
};

function policyOf(
  name: string,
  matchLabels: Record<string, string>,
  translation: Translation,
  spec: Omit<NonNullable<NetworkPolicy['spec']>, 'podSelector'>,
): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, labels: { 'app.kubernetes.io/part-of': translation.partOf } },
    spec: { podSelector: { matchLabels }, ...spec },
  };
}
