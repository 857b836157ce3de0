/** How a pod is called and whom it asks for names: DNS, host names, aliases, ports on the node. */
import { forbiddenField, invalidValue, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isDns1123SubdomainWithUnderscore } from '../../api/names.ts';
import type { ContainerPort, HostAlias, PodDNSConfig, PodSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredOneOf } from './checks.ts';
import { ipErrors } from './ip-rules.ts';
import type { PodOptions } from './pod-options.ts';

const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
/** What the resolver of Linux can take. */
const nameserversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2048;

export function validateDnsPolicy(path: string, policy: string | undefined): FieldError[] {
  return requiredOneOf(path, policy, dnsPolicies);
}

export function validateDnsConfig(path: string, { dnsPolicy, dnsConfig }: PodSpec): FieldError[] {
  if (dnsPolicy === 'None' && dnsConfig === undefined) {
    return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
  }
  if (dnsPolicy === 'None' && !dnsConfig?.nameservers?.length) {
    const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    return [required(`${path}.nameservers`, detail)];
  }
  if (dnsConfig === undefined) return [];
  return [
    ...validateNameservers(`${path}.nameservers`, dnsConfig.nameservers ?? []),
    ...validateSearches(`${path}.searches`, dnsConfig.searches ?? []),
    ...validateDnsOptions(`${path}.options`, dnsConfig),
  ];
}

function validateNameservers(path: string, servers: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (servers.length > nameserversMax) {
    errors.push(invalidValue(path, servers, `must not have more than ${nameserversMax} nameservers`));
  }
  for (const [index, server] of servers.entries()) errors.push(...ipErrors(`${path}[${index}]`, server));
  return errors;
}

function validateSearches(path: string, searches: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (searches.length > searchesMax) {
    errors.push(invalidValue(path, searches, `must not have more than ${searchesMax} search paths`));
  }
  if (Buffer.byteLength(searches.join(' ')) > searchCharactersMax) {
    const detail = `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`;
    errors.push(invalidValue(path, searches, detail));
  }
  for (const [index, search] of searches.entries()) {
    if (search === '.') continue;
    const name = search.endsWith('.') ? search.slice(0, -1) : search;
    errors.push(...invalidEach(`${path}[${index}]`, name, isDns1123SubdomainWithUnderscore(name)));
  }
  return errors;
}

function validateDnsOptions(path: string, { options }: PodDNSConfig): FieldError[] {
  return (options ?? []).flatMap(({ name }, index) =>
    name ? [] : [required(`${path}[${index}]`, 'must not be empty')],
  );
}

/** On the node's own network a port is the node's. A template may leave it open until there is a pod. */
export function validateNodePorts(path: string, spec: PodSpec, { isPod }: PodOptions): FieldError[] {
  if (!spec.hostNetwork) return [];
  return (spec.containers ?? []).flatMap((container, index) =>
    (container.ports ?? []).flatMap(({ hostPort = 0, containerPort = 0 }: Partial<ContainerPort>, portIndex) => {
      if (hostPort === containerPort || (hostPort === 0 && !isPod)) return [];
      const at = `${path}.containers[${index}].ports[${portIndex}].hostPort`;
      return [invalidValue(at, hostPort, 'must match `containerPort` when `hostNetwork` is true')];
    }),
  );
}

const hostnameBytesMax = 64;

export function validateHostnameOverride(path: string, spec: PodSpec): FieldError[] {
  const { hostnameOverride: name } = spec;
  if (name === undefined) return [];
  const at = `${path}.hostnameOverride`;
  const errors: FieldError[] = [];
  if (spec.setHostnameAsFQDN) {
    errors.push(forbiddenField(at, 'may not be specified when setHostnameAsFQDN is true'));
  }
  if (spec.hostNetwork) errors.push(forbiddenField(at, 'may not be specified when hostNetwork is true'));
  if (Buffer.byteLength(name) > hostnameBytesMax) errors.push(tooLong(at, hostnameBytesMax));
  return [...errors, ...invalidEach(at, name, isDns1123Subdomain(name))];
}

export function validateHostnames(path: string, { hostname, subdomain }: PodSpec): FieldError[] {
  return [
    ...(hostname ? invalidEach(`${path}.hostname`, hostname, isDns1123Label(hostname)) : []),
    ...(subdomain ? invalidEach(`${path}.subdomain`, subdomain, isDns1123Label(subdomain)) : []),
  ];
}

export function validateHostAliases(path: string, aliases: readonly HostAlias[] | undefined): FieldError[] {
  return (aliases ?? []).flatMap(({ ip, hostnames }, index) => [
    ...ipErrors(`${path}[${index}].ip`, ip ?? ''),
    ...(hostnames ?? []).flatMap((name, nameIndex) =>
      invalidEach(`${path}[${index}].hostnames[${nameIndex}]`, name, isDns1123Subdomain(name)),
    ),
  ]);
}
