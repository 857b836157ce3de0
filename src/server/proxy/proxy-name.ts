/** `[SCHEME:]NAME[:PORT]`, as pods, services and nodes are named in a proxy's URL; and ports as Go's dialler reads them. Pure. */
import { StatusError } from '../../api/status-error.ts';

export interface ProxyName {
  /** Empty: not said. */
  readonly scheme: string;
  readonly name: string;
  /** A number or a name; empty: not said. */
  readonly port: string;
}

/** Undefined: not of this form. */
export function parseProxyName(text: string): ProxyName | undefined {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  const read: ProxyName =
    parts.length === 3 ? { scheme: first, name: second, port: third } : { scheme: '', name: first, port: second };
  const known = ['', 'http', 'https'].includes(read.scheme);
  return parts.length <= 3 && read.name !== '' && known ? read : undefined;
}

export const unreachable = (why: string): StatusError =>
  new StatusError(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);

const wellKnown: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
]);

/** @throws StatusError ServiceUnavailable */
export function portNumber(port: string, scheme: 'http' | 'https'): number {
  if (port === '') return scheme === 'https' ? 443 : 80;
  if (!/^\d+$/.test(port)) {
    const known = wellKnown.get(port);
    if (known === undefined) throw unreachable(`dial tcp: lookup tcp/${port}: unknown port`);
    return known;
  }
  const number = Number(port);
  if (number > 65_535) throw unreachable(`dial tcp: address ${port}: invalid port`);
  return number;
}
