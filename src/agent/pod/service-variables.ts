/**
 * The variables that tell a container where services are, by the names that upstream gives them: `WEB_SERVICE_HOST`, `WEB_SERVICE_PORT`, and those
 * of Docker's links, `WEB_PORT_80_TCP_ADDR`. Pure.
 */
import { isIPv6 } from 'node:net';
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** The API's own service: every container is told of it, whatever its pod thinks of links. */
export const apiService = { namespace: 'default', name: 'kubernetes' };

/** Of the services that a pod sees: those of its namespace, unless it wants none, and the API's. One in its namespace hides the API's. */
export function servicesFor(
  { metadata, spec }: Pod,
  inNamespace: (namespace: string) => readonly Service[],
): readonly Service[] {
  const namespace = metadata?.namespace ?? '';
  const own = spec?.enableServiceLinks === false ? [] : inNamespace(namespace).filter(hasAddress);
  const api = inNamespace(apiService.namespace).filter((service) => nameOf(service) === apiService.name);
  const byName = new Map([...api.filter(hasAddress), ...own].map((service) => [nameOf(service), service]));
  return [...byName.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** A service without an address, or without ports, has nothing to tell. */
export function serviceVariables({ metadata, spec }: Service): readonly Variable[] {
  const { clusterIP: address = '', ports = [] } = spec ?? {};
  const [first] = ports;
  if (first === undefined) return [];
  const prefix = variablePart(metadata?.name ?? '');
  const named = ports.filter(({ name }) => name !== undefined && name !== '');
  const urlOf = ({ protocol = 'TCP', port }: typeof first): string =>
    `${protocol.toLowerCase()}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
  const variables: readonly (readonly [string, string])[] = [
    [`${prefix}_SERVICE_HOST`, address],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...named.map(({ name = '', port }) => [`${prefix}_SERVICE_PORT_${variablePart(name)}`, String(port)] as const),
    [`${prefix}_PORT`, urlOf(first)],
    ...ports.flatMap((one) => {
      const { protocol = 'TCP', port } = one;
      const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      return [
        [link, urlOf(one)],
        [`${link}_PROTO`, protocol.toLowerCase()],
        [`${link}_PORT`, String(port)],
        [`${link}_ADDR`, address],
      ] as const;
    }),
  ];
  return variables.map(([name, value]) => ({ name, value }));
}

function nameOf({ metadata }: Service): string {
  return metadata?.name ?? '';
}

function hasAddress({ spec }: Service): boolean {
  const { clusterIP = '' } = spec ?? {};
  return clusterIP !== '' && clusterIP !== 'None';
}

/** `my-db.v1` is `MY_DB_V1`; no variable begins with a digit. */
function variablePart(name: string): string {
  const part = name.replaceAll(/[-.]/g, '_').toUpperCase();
  return /^\d/.test(part) ? `_${part}` : part;
}
