/**
 * Which port here leads to which port of a pod:
 *
 * ```
 *  8080        8080 here to 8080 there            8080:80    8080 here to 80 there
 *  8080:http   to the port that is named so       :80  0:80  any free port here
 * ```
 * A Service's ports are those that it shows: its target ports are the pod's. Pure.
 */
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

export interface PortWish {
  /** 0: any free one. */
  readonly local: number;
  /** A number or a name. */
  readonly remote: string;
}

/** @throws UsageError */
export function parsePortWish(text: string): PortWish {
  const match = /^(?:(\d{0,5}):)?([\w-]{1,63})$/.exec(text);
  const [, local, remote = ''] = match ?? [];
  const isNumber = /^\d+$/.test(remote);
  const port = Number(local ?? (isNumber ? remote : ''));
  if (match === null || port > 65_535 || (isNumber && (Number(remote) < 1 || Number(remote) > 65_535))) {
    throw new UsageError(
      `"${text}" is no port; say LOCAL:REMOTE, such as 8080:80, :80 for any free port, or 8080 for both`,
    );
  }
  return { local: port, remote };
}

/** The pod's port that a wish means, by way of the Service where one was named. @throws UserError naming the ports that there are */
export function remotePort({ remote }: PortWish, pod: Pod, service: Service | undefined): number {
  if (service === undefined) return podPort(pod, remote);
  const ports = service.spec?.ports ?? [];
  const found = ports.find(({ port, name }) => String(port) === remote || name === remote);
  if (found === undefined) {
    const known = ports.map(({ port, name }) => (name === undefined ? port : `${port} (${name})`)).join(', ');
    throw new UserError(`service ${service.metadata?.name} has no port ${remote}; it has ${known || 'none'}`);
  }
  // Without a proxy in between, a headless Service's port is the pod's own.
  if (service.spec?.clusterIP === 'None') return found.port;
  return podPort(pod, String(found.targetPort ?? found.port));
}

function podPort(pod: Pod, wanted: string): number {
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const found = ports.find(({ name }) => name === wanted);
  if (found !== undefined) return found.containerPort;
  const named = ports.flatMap(({ name }) => (name === undefined ? [] : [name]));
  throw new UserError(
    `pod ${pod.metadata?.name} has no port named "${wanted}"${named.length > 0 ? `; it has ${named.join(', ')}` : ''}`,
  );
}

/** `localhost` is this machine in both families. */
export function listenAddresses(text: string): readonly string[] {
  const addresses = text.split(',').flatMap((part) => part.trim() || []);
  return addresses.flatMap((address) => (address === 'localhost' ? ['127.0.0.1', '::1'] : [address]));
}
