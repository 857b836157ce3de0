/**
 * What upstream's CustomResourceDefinitions of the Gateway API say in expressions, by structure and field: Gateways, listeners, classes,
 * routes of connections, policies. Those of HTTPRoutes and GRPCRoutes stand in `gateway-route-rules.ts`.
 */
import { isIP } from 'node:net';
import type {
  BackendTLSPolicyValidation,
  GatewaySpecAddress,
  GatewayStatusAddress,
  Listener,
  ListenerTLSConfig,
  LocalPolicyTargetReferenceWithSectionName,
  ParentReference,
  SubjectAltName,
  TLSPortConfig,
} from '../../api/schema/types/gateway-v1.ts';
import { gatewayRouteRules } from './gateway-route-rules.ts';
import { rule, type StructureRule, type StructureRules } from './value-rules.ts';

type Addresses = readonly GatewaySpecAddress[];
type Labels = Readonly<Record<string, string>>;

const hostnameText = '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const hostname = new RegExp(hostnameText);
const plainHostname = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const metadataKey =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;
const prefixLengthMax = 253;

/** No two of `list` have the same text; those without one are not asked. */
function areDistinct<T>(list: readonly T[], text: (each: T) => string | undefined): boolean {
  const texts = list.map(text).filter((each) => each !== undefined);
  return new Set(texts).size === texts.length;
}

const distinctAddresses = (type: string): StructureRule =>
  rule<Addresses>(`${type} values must be unique`, (all) =>
    areDistinct(all, (each) => (each.type === type ? each.value : undefined)),
  );

const isAddress = ({ type, value }: GatewaySpecAddress): boolean =>
  type !== 'IPAddress' || value === undefined || isIP(value) !== 0;

/** Upstream says it with `oneOf`, whose error names the field. */
const addressRule = rule<GatewaySpecAddress>(
  '"{path}" must validate one and only one schema (oneOf). Found none valid',
  isAddress,
);

const keyRules = (what: string): StructureRule[] => [
  rule<Labels>(
    `${what} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.`,
    (all) => Object.keys(all).every((key) => metadataKey.test(key)),
  ),
  rule<Labels>(
    `If specified, the ${what.toLowerCase()} key's prefix must be a DNS subdomain not longer than ${prefixLengthMax} characters in total.`,
    (all) => Object.keys(all).every((key) => (key.split('/')[0] ?? '').length < prefixLengthMax),
  ),
];

const plainProtocols = ['HTTP', 'TCP', 'UDP'];

/** `hostname`: absent is a value of its own; `port`: what has none is not asked, which only a ListenerSet's may lack. */
const place = ({ port, protocol, hostname: host }: Listener): string | undefined =>
  port === undefined ? undefined : JSON.stringify([port, protocol, host ?? null]);

const listenersRules: StructureRule[] = [
  rule<readonly Listener[]>("tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']", (all) =>
    all.every(({ protocol, tls }) => !plainProtocols.includes(protocol) || tls === undefined),
  ),
  rule<readonly Listener[]>('tls mode must be Terminate for protocol HTTPS', (all) =>
    all.every(({ protocol, tls }) => protocol !== 'HTTPS' || !tls?.mode || tls.mode === 'Terminate'),
  ),
  rule<readonly Listener[]>('tls mode must be set for protocol TLS', (all) =>
    all.every(({ protocol, tls }) => protocol !== 'TLS' || Boolean(tls?.mode)),
  ),
  rule<readonly Listener[]>("hostname must not be specified for protocols ['TCP', 'UDP']", (all) =>
    all.every(({ protocol, hostname: host }) => !['TCP', 'UDP'].includes(protocol) || !host),
  ),
  rule<readonly Listener[]>('Listener name must be unique within the Gateway', (all) =>
    areDistinct(all, ({ name }) => name),
  ),
  rule<readonly Listener[]>('Combination of port, protocol and hostname must be unique for each listener', (all) =>
    areDistinct(all, place),
  ),
];

/** Two references to the same thing: both name a section of it, and not the same one. */
function sectionRules<T extends { readonly sectionName?: string }>(
  list: string,
  what: string,
  keyOf: (each: T) => string,
): StructureRule[] {
  const same = (all: readonly T[], one: T): readonly T[] => all.filter((other) => keyOf(other) === keyOf(one));
  return [
    rule<readonly T[]>(
      `sectionName must be specified when ${list} includes 2 or more references to the same ${what}`,
      (all) => all.every((one) => same(all, one).every((other) => !one.sectionName === !other.sectionName)),
    ),
    rule<readonly T[]>(
      `sectionName must be unique when ${list} includes 2 or more references to the same ${what}`,
      (all) => areDistinct(all, (one) => JSON.stringify([keyOf(one), one.sectionName ?? ''])),
    ),
  ];
}

const parentRules = sectionRules<ParentReference>('parentRefs', 'parent', ({ group, kind, name, namespace }) =>
  JSON.stringify([group, kind, name, namespace ?? '']),
);

/** A field that belongs to one type: it is there with that type, and with no other. */
function nameRules(type: string, field: 'hostname' | 'uri'): StructureRule[] {
  const word = type === 'URI' ? 'URI' : 'Hostname';
  return [
    rule<SubjectAltName>(
      `SubjectAltName element must contain ${word}, if Type is set to ${word}`,
      (name) => name.type !== type || Boolean(name[field]),
    ),
    rule<SubjectAltName>(
      `SubjectAltName element must not contain ${word}, if Type is not set to ${word}`,
      (name) => name.type === type || !name[field],
    ),
  ];
}

const hasAuthorities = ({ caCertificateRefs }: BackendTLSPolicyValidation): boolean =>
  (caCertificateRefs ?? []).length > 0;

export const gatewayRules: StructureRules = {
  ...gatewayRouteRules,
  'GatewayClassSpec.controllerName': [
    { message: 'field is immutable', holds: (name, old) => name === old, isTransition: true },
  ],
  'GatewaySpec.addresses': [distinctAddresses('IPAddress'), distinctAddresses('Hostname')],
  GatewaySpecAddress: [
    addressRule,
    rule<GatewaySpecAddress>(
      `Hostname value must be empty or contain only valid characters (matching ${hostnameText})`,
      ({ type, value }) => type !== 'Hostname' || value === undefined || hostname.test(value),
    ),
  ],
  GatewayStatusAddress: [
    addressRule,
    rule<GatewayStatusAddress>(
      `Hostname value must only contain valid characters (matching ${hostnameText})`,
      ({ type, value }) => type !== 'Hostname' || hostname.test(value),
    ),
  ],
  'GatewayInfrastructure.annotations': keyRules('Annotation'),
  'GatewayInfrastructure.labels': keyRules('Label'),
  'GatewaySpec.listeners': listenersRules,
  'ListenerSetSpec.listeners': listenersRules,
  ListenerTLSConfig: [
    rule<ListenerTLSConfig>('certificateRefs or options must be specified when mode is Terminate', (tls) => {
      const isGiven = (tls.certificateRefs ?? []).length > 0 || Object.keys(tls.options ?? {}).length > 0;
      return tls.mode !== 'Terminate' || isGiven;
    }),
  ],
  'FrontendTLSConfig.perPort': [
    rule<readonly TLSPortConfig[]>('Port for TLS configuration must be unique within the Gateway', (all) =>
      areDistinct(all, ({ port }) => String(port)),
    ),
  ],
  'HTTPRouteSpec.parentRefs': parentRules,
  'GRPCRouteSpec.parentRefs': parentRules,
  'TLSRouteSpec.parentRefs': parentRules,
  'TCPRouteSpec.parentRefs': parentRules,
  'TLSRouteSpec.hostnames': [
    rule<readonly string[]>('Hostnames cannot contain an IP', (all) => all.every((host) => isIP(host) === 0)),
    rule<readonly string[]>('Hostnames must be valid based on RFC-1123', (all) =>
      all.every((host) => host.includes('*') || plainHostname.test(host)),
    ),
    rule<readonly string[]>(
      'Wildcards on hostnames must be the first label, and the rest of hostname must be valid based on RFC-1123',
      (all) => all.every((host) => !host.includes('*') || (host.startsWith('*.') && plainHostname.test(host.slice(2)))),
    ),
  ],
  'BackendTLSPolicySpec.targetRefs': sectionRules<LocalPolicyTargetReferenceWithSectionName>(
    'targetRefs',
    'target',
    ({ group, kind, name }) => JSON.stringify([group, kind, name]),
  ),
  BackendTLSPolicyValidation: [
    rule<BackendTLSPolicyValidation>(
      'must not contain both CACertificateRefs and WellKnownCACertificates',
      (validation) => !(hasAuthorities(validation) && validation.wellKnownCACertificates),
    ),
    rule<BackendTLSPolicyValidation>(
      'must specify either CACertificateRefs or WellKnownCACertificates',
      (validation) => hasAuthorities(validation) || Boolean(validation.wellKnownCACertificates),
    ),
  ],
  SubjectAltName: [...nameRules('Hostname', 'hostname'), ...nameRules('URI', 'uri')],
};
