/**
 * The Services of a service.
 *
 * Its name leads to its pods at any port, as in Compose: a Service without an address of its own (headless), since one with an address
 * forwards only ports that it names. `endpoint_mode: vip` asks for an address. Published ports are a second Service, at the nodes' own
 * addresses (LoadBalancer; NodePort where no port was named). What is bound to one address of the machine is a hostPort.
 */
import type { Service as KubeService, ServicePort } from '../../api/schema/types/core-v1.ts';
import type { Port } from '../model.ts';
import { dnsLabel } from './names.ts';
import { wholeNumber } from './quantities.ts';
import type { Translation } from './translation.ts';
import { isJob } from './workload.ts';

type Protocol = 'TCP' | 'UDP' | 'SCTP';

export interface Target {
  readonly port: number;
  readonly protocol: Protocol;
  readonly name?: string;
  readonly application?: string;
}

const everyAddress = ['0.0.0.0', '::', '*', ''];

/** At one address of the machine, or there alone. */
export const isOnHost = ({ host_ip: address = '', mode }: Port): boolean =>
  mode === 'host' || !everyAddress.includes(address);

/** What a service listens on, as far as the file says, in order and once each. */
export function targetsOf(name: string, translation: Translation): Target[] {
  const { ports = [], expose = [] } = translation.service(name);
  const found = new Map<string, Target>();
  const add = (target: Target): void => {
    const key = `${target.port}/${target.protocol}`;
    found.set(key, { ...target, ...found.get(key) });
  };
  for (const { target, protocol, name: portName, app_protocol: application } of ports) {
    add({
      port: target,
      protocol: upper(protocol),
      ...(portName && { name: portName }),
      ...(application && { application }),
    });
  }
  for (const text of expose.map(String)) {
    const [range = '', protocol = 'tcp'] = text.split('/');
    const where = translation.where(`services.${name}.expose`);
    const [first = 0, last = first] = range.split('-').map((each) => wholeNumber(each, where));
    for (let port = first; port <= last && port - first < 1000; port++) add({ port, protocol: upper(protocol) });
  }
  return [...found.values()];
}

const upper = (protocol: string): Protocol => protocol.toUpperCase() as Protocol;

/** Each with the place where it comes from. */
export function servicesOf(name: string, translation: Translation): (readonly [KubeService, string])[] {
  const { network_mode: mode, ports = [] } = translation.service(name);
  const place = `services.${name}`;
  const outside = ports.filter((port) => !isOnHost(port));
  const published = outside.filter((port) => port.published !== undefined);
  const any = outside.filter((port) => port.published === undefined);
  // A Job that listens nowhere is not asked for by name.
  const isSilent = isJob(name, translation) && targetsOf(name, translation).length === 0;
  const isOwn = translation.host(name) === name && !isSilent;
  if (mode === 'host' || mode === 'none') {
    if (ports.length > 0) translation.note(`${place}.ports`, `they say nothing with network_mode: ${mode}`);
    return [];
  }
  return [
    ...(isOwn ? [[inner(dnsLabel(name), name, translation), place] as const] : []),
    ...(published.length > 0
      ? [[outer('LoadBalancer', 'published', name, published, translation), `${place}.ports`] as const]
      : []),
    ...(any.length > 0 ? [[outer('NodePort', 'any-port', name, any, translation), `${place}.ports`] as const] : []),
  ];
}

/** A further name of a service: an alias, a link, its container's name. */
export function aliasService(alias: string, name: string, translation: Translation): KubeService {
  return inner(alias, name, translation);
}

function inner(serviceName: string, name: string, translation: Translation): KubeService {
  const targets = targetsOf(name, translation);
  const isVirtual = translation.service(name).deploy?.endpoint_mode === 'vip';
  if (isVirtual && targets.length === 0) {
    translation.note(
      `services.${name}.deploy.endpoint_mode`,
      'vip needs ports or expose: without them the name leads to the pods themselves',
    );
  }
  const ports = targets.map(
    ({ port, protocol, name: portName, application }): ServicePort => ({
      name: portNameOf(portName, port, protocol),
      port,
      protocol,
      ...(application && { appProtocol: application }),
    }),
  );
  return {
    ...head(serviceName, translation),
    spec: {
      ...(!(isVirtual && ports.length > 0) && { clusterIP: 'None' }),
      selector: translation.selector(translation.host(name)),
      ...(ports.length > 0 && { ports }),
    },
  };
}

function outer(
  type: 'LoadBalancer' | 'NodePort',
  suffix: string,
  name: string,
  ports: readonly Port[],
  translation: Translation,
): KubeService {
  const unique = new Map(ports.map((port) => [`${port.published ?? port.target}/${port.protocol}`, port]));
  return {
    ...head(dnsLabel(`${name}-${suffix}`), translation),
    spec: {
      type,
      selector: translation.selector(translation.host(name)),
      ports: [...unique.values()].map(
        ({ target, published = target, protocol, name: portName, app_protocol: application }) => ({
          name: portNameOf(portName, published, protocol),
          port: published,
          targetPort: target,
          protocol: upper(protocol),
          ...(application && { appProtocol: application }),
        }),
      ),
    },
  };
}

const portNameOf = (name: string | undefined, port: number, protocol: string): string =>
  name === undefined ? `${protocol.toLowerCase()}-${port}` : dnsLabel(name);

const head = (name: string, translation: Translation): Pick<KubeService, 'apiVersion' | 'kind' | 'metadata'> => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: { 'app.kubernetes.io/part-of': translation.partOf } },
});
