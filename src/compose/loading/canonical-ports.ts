/** `ports`, short and long, one entry for each port: `[[HOST_IP:]PUBLISHED:]TARGET[/PROTOCOL]`, with ranges. */
import { ManifestError } from '../../manifests/source-object.ts';
import { isMap, type Tree, type TreeMap, textOf } from './tree.ts';

const rangeMax = 1000;

/** @throws ManifestError */
export function canonicalPorts(ports: readonly Tree[], where: string): Tree[] {
  return ports.flatMap((port, index) => {
    const at = `${where}[${index}]`;
    return isMap(port) ? longPorts(port, at) : shortPorts(textOf(port), at);
  });
}

const short = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(?:([\d-]*):)?(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i;

function shortPorts(text: string, where: string): Tree[] {
  const match = short.exec(text);
  if (match === null) {
    throw new ManifestError(`${where}: ${JSON.stringify(text)} must be [[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`);
  }
  const [, bracketed, first, second, target = '', protocol = 'tcp'] = match;
  // `8080:80`: what stands alone before the target is the published port.
  const isPublished = bracketed === undefined && second === undefined && /^[\d-]*$/.test(first ?? '');
  const published = isPublished ? (first ?? '') : (second ?? '');
  const address = isPublished ? undefined : (bracketed ?? first);
  return spread({ target, published, protocol: protocol.toLowerCase(), host_ip: address, mode: 'ingress' }, where);
}

function longPorts(port: TreeMap, where: string): Tree[] {
  const { target, published, protocol, host_ip: address, mode, name, app_protocol: application } = port;
  if (target === undefined) throw new ManifestError(`${where} needs target`);
  const kind = textOf(protocol ?? 'tcp').toLowerCase();
  if (!['tcp', 'udp', 'sctp'].includes(kind)) {
    throw new ManifestError(`${where}.protocol must be tcp, udp or sctp, not ${JSON.stringify(protocol)}`);
  }
  return spread(
    {
      target: textOf(target),
      published: published === undefined || published === null ? '' : textOf(published),
      protocol: kind,
      host_ip: typeof address === 'string' ? address : undefined,
      mode: mode === 'host' ? 'host' : 'ingress',
      ...(typeof name === 'string' && { name }),
      ...(typeof application === 'string' && { app_protocol: application }),
    },
    where,
  );
}

interface Written {
  readonly target: string;
  readonly published: string;
  readonly protocol: string;
  readonly host_ip: string | undefined;
  readonly mode: string;
  readonly name?: string;
  readonly app_protocol?: string;
}

function spread({ target, published, host_ip: address, ...rest }: Written, where: string): Tree[] {
  const targets = range(target, where);
  const outside = published === '' ? [] : range(published, where);
  // Many published ports for one target: any of them will do, so the first.
  if (targets.length > 1 && outside.length > 0 && outside.length !== targets.length) {
    throw new ManifestError(`${where}: ${published} and ${target} are ranges of different length`);
  }
  return targets.map((each, index) => ({
    ...rest,
    target: each,
    ...(outside[index] !== undefined && { published: outside[index] }),
    ...(address !== undefined && address !== '' && { host_ip: address }),
  }));
}

function range(text: string, where: string): number[] {
  const [first = Number.NaN, last = first] = text.split('-').map(Number);
  const fits = [first, last].every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535);
  if (!fits || last < first || last - first >= rangeMax) {
    throw new ManifestError(
      `${where}: ${JSON.stringify(text)} must be a port from 1 to 65535, or a range of at most ${rangeMax}`,
    );
  }
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
