/** The rules of NetworkPolicies: whom the pods hear, and whom they talk to. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isPortName, isPortNumber } from '../../api/names.ts';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '../../api/schema/types/networking-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { contains, parseCidr } from '../../lib/ip-addresses.ts';
import { invalidEach, validateLabelSelector } from './checks.ts';
import { cidrErrors, cidrWarnings } from './ip-rules.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
const policyTypes = ['Ingress', 'Egress'];

export function validateNetworkPolicy({ spec }: NetworkPolicy, old?: NetworkPolicy): FieldError[] {
  const before = new Set(old ? blocksOf(old.spec).flatMap(({ block }) => [block.cidr, ...(block.except ?? [])]) : []);
  const check = (path: string, ports: Ports, peers: Peers, name: string): FieldError[] => [
    ...ports.flatMap((port, index) => validatePort(`${path}.ports[${index}]`, port)),
    ...peers.flatMap((peer, index) => validatePeer(`${path}.${name}[${index}]`, peer, before)),
  ];
  return [
    ...validateLabelSelector('spec.podSelector', spec?.podSelector),
    ...(spec?.ingress ?? []).flatMap(({ ports, from }, index) =>
      check(`spec.ingress[${index}]`, ports ?? [], from ?? [], 'from'),
    ),
    ...(spec?.egress ?? []).flatMap(({ ports, to }, index) =>
      check(`spec.egress[${index}]`, ports ?? [], to ?? [], 'to'),
    ),
    ...validateTypes('spec.policyTypes', spec?.policyTypes ?? []),
  ];
}

type Ports = readonly NetworkPolicyPort[];
type Peers = readonly NetworkPolicyPeer[];

function validateTypes(path: string, types: readonly string[]): FieldError[] {
  if (types.length > policyTypes.length) {
    return [invalidValue(path, types, 'may not specify more than two policyTypes')];
  }
  return types.flatMap((type, index) =>
    policyTypes.includes(type) ? [] : [notSupported(`${path}[${index}]`, type, policyTypes)],
  );
}

function validatePort(path: string, { protocol, port, endPort }: NetworkPolicyPort): FieldError[] {
  const errors =
    protocol === undefined || protocols.includes(protocol)
      ? []
      : [notSupported(`${path}.protocol`, protocol, protocols)];
  if (typeof port === 'number') return [...errors, ...validateRange(path, port, endPort)];
  if (endPort !== undefined) {
    const why = port === undefined ? '`port` is not specified' : '`port` is non-numeric';
    errors.push(invalidValue(`${path}.endPort`, endPort, `may not be specified when ${why}`));
  }
  return port === undefined ? errors : [...errors, ...invalidEach(`${path}.port`, port, isPortName(port))];
}

function validateRange(path: string, port: number, endPort: number | undefined): FieldError[] {
  const errors = invalidEach(`${path}.port`, port, isPortNumber(port));
  if (endPort === undefined) return errors;
  if (endPort < port) {
    errors.push(invalidValue(`${path}.endPort`, endPort, 'must be greater than or equal to `port`'));
  }
  return [...errors, ...invalidEach(`${path}.endPort`, endPort, isPortNumber(endPort))];
}

function validatePeer(path: string, peer: NetworkPolicyPeer, before: ReadonlySet<string>): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const errors = [
    ...validateLabelSelector(`${path}.podSelector`, podSelector),
    ...validateLabelSelector(`${path}.namespaceSelector`, namespaceSelector),
    ...(ipBlock ? validateBlock(`${path}.ipBlock`, ipBlock, before) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(path, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(forbiddenField(path, 'may not specify both ipBlock and another peer'));
  }
  return errors;
}

function validateBlock(path: string, { cidr, except = [] }: IPBlock, before: ReadonlySet<string>): FieldError[] {
  if (!cidr) return [required(`${path}.cidr`)];
  const errors = cidrErrors(`${path}.cidr`, cidr, before);
  const network = parseCidr(cidr);
  if (network === undefined) return errors;
  for (const [index, text] of except.entries()) {
    const at = `${path}.except[${index}]`;
    errors.push(...cidrErrors(at, text, before));
    const hole = parseCidr(text);
    if (hole === undefined) continue;
    const isInside = contains(network, hole.address) && network.prefix < hole.prefix;
    if (!isInside) errors.push(invalidValue(at, text, 'must be a strict subset of `cidr`'));
  }
  return errors;
}

function blocksOf(spec: NetworkPolicySpec | undefined): { readonly path: string; readonly block: IPBlock }[] {
  const lists = [
    ...(spec?.ingress ?? []).map(({ from }, index) => [`spec.ingress[${index}].from`, from ?? []] as const),
    ...(spec?.egress ?? []).map(({ to }, index) => [`spec.egress[${index}].to`, to ?? []] as const),
  ];
  return lists.flatMap(([path, peers]) =>
    peers.flatMap(({ ipBlock }, index) => (ipBlock ? [{ path: `${path}[${index}].ipBlock`, block: ipBlock }] : [])),
  );
}

export function networkPolicyWarnings({ spec }: NetworkPolicy): string[] {
  return blocksOf(spec).flatMap(({ path, block }) => [
    ...cidrWarnings(`${path}.cidr`, block.cidr),
    ...(block.except ?? []).flatMap((text, index) => cidrWarnings(`${path}.except[${index}]`, text)),
  ]);
}
