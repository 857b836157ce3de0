/** One service as a container. */
import type { Container, ContainerPort } from '../../api/schema/types/core-v1.ts';
import { isOn, type Port, type Service } from '../model.ts';
import { contentMounts } from './contents.ts';
import { lifecycleOf } from './hooks.ts';
import { imageOf } from './images.ts';
import { mountsOf } from './mounts.ts';
import { dnsLabel } from './names.ts';
import type { PodVolumes } from './pod-volumes.ts';
import { isOnHost, targetsOf } from './ports.ts';
import { probesOf } from './probes.ts';
import { resourcesOf } from './resources.ts';
import { securityOf } from './security.ts';
import type { Translation } from './translation.ts';

export function containerOf(name: string, volumes: PodVolumes, translation: Translation): Container {
  const service = translation.service(name);
  const place = `services.${name}`;
  const ports = containerPorts(name, translation);
  const environment = Object.entries(service.environment ?? {});
  const volumeMounts = [...mountsOf(name, volumes, translation), ...contentMounts(name, volumes, translation)];
  const resources = resourcesOf(service, place, translation);
  const lifecycle = lifecycleOf(service);
  const securityContext = securityOf(service, place, translation);
  return {
    name: dnsLabel(name),
    image: imageOf(name, translation),
    imagePullPolicy: pullPolicy(service, place, translation),
    ...commands(service, place, translation),
    ...(service.working_dir !== undefined && { workingDir: service.working_dir }),
    ...(ports.length > 0 && { ports }),
    ...(environment.length > 0 && {
      env: environment.map(([key, value]) => ({ name: key, value: unexpanded(value) })),
    }),
    ...(resources && { resources }),
    ...(volumeMounts.length > 0 && { volumeMounts }),
    ...probesOf(service.healthcheck, `${place}.healthcheck`, translation),
    ...(lifecycle && { lifecycle }),
    ...(securityContext && { securityContext }),
    ...(isOn(service.stdin_open) && { stdin: true }),
    ...(isOn(service.tty) && { tty: true }),
  };
}

/** Kubernetes would put variables in for `$(NAME)`, and take `$$` for a dollar sign. */
const unexpanded = (text: string): string => text.replace(/\$(?=[$(])/g, '$$$$');

function commands(service: Service, place: string, translation: Translation): Pick<Container, 'command' | 'args'> {
  const { entrypoint, command } = service;
  for (const [key, words] of [
    ['entrypoint', entrypoint],
    ['command', command],
  ] as const) {
    if (words?.length === 0) translation.note(`${place}.${key}`, "empty, which Kubernetes takes for the image's own");
  }
  return {
    ...(entrypoint && entrypoint.length > 0 && { command: entrypoint.map(unexpanded) }),
    ...(command && command.length > 0 && { args: command.map(unexpanded) }),
  };
}

const policies: Readonly<Record<string, 'Always' | 'Never' | 'IfNotPresent'>> = {
  always: 'Always',
  never: 'Never',
  missing: 'IfNotPresent',
  if_not_present: 'IfNotPresent',
  build: 'IfNotPresent',
};

/** Compose pulls what is not there; Kubernetes would pull `latest` each time. */
function pullPolicy(
  { pull_policy: policy = 'missing' }: Service,
  place: string,
  translation: Translation,
): 'Always' | 'Never' | 'IfNotPresent' {
  const found = policies[policy];
  if (found === undefined) {
    translation.note(`${place}.pull_policy`, `${policy} is not carried over: an image is pulled where it is missing`);
  }
  return found ?? 'IfNotPresent';
}

function containerPorts(name: string, translation: Translation): ContainerPort[] {
  const { ports = [] } = translation.service(name);
  const onHost = ports.filter(isOnHost);
  const plain = targetsOf(name, translation).filter(
    ({ port, protocol }) => !onHost.some((each) => each.target === port && each.protocol.toUpperCase() === protocol),
  );
  return [
    ...plain.map(({ port, protocol }): ContainerPort => ({ containerPort: port, protocol })),
    ...onHost.map((port) => hostPort(port)),
  ];
}

function hostPort({ target, published, host_ip: address, protocol }: Port): ContainerPort {
  return {
    containerPort: target,
    hostPort: published ?? target,
    ...(address !== undefined && { hostIP: address }),
    protocol: protocol.toUpperCase() as 'TCP' | 'UDP' | 'SCTP',
  };
}
