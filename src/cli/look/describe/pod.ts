/** Pods and templates of pods: containers with what they are and how they do, volumes, placement. Pure. */
import type { KubeObject } from '../../../api/object.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Toleration,
  Volume,
} from '../../../api/schema/types/core-v1.ts';
import { type Asker, conditionsOf, orNone, pairs, timeText, yesNo } from './common.ts';
import type { Entry, Value } from './layout.ts';

export function describePod(pod: KubeObject, ask: Asker): Entry[] {
  const { spec, status = {} } = pod as Pod;
  if (spec === undefined) return [];
  const states = (list: readonly ContainerStatus[] | undefined): Map<string, ContainerStatus> =>
    new Map((list ?? []).map((each) => [each.name, each]));
  return [
    [
      'Priority',
      spec.priority === undefined
        ? undefined
        : `${spec.priority}${spec.priorityClassName ? ` (${spec.priorityClassName})` : ''}`,
    ],
    ['Service Account', spec.serviceAccountName],
    ['Node', spec.nodeName === undefined ? '<none>' : `${spec.nodeName}${status.hostIP ? `/${status.hostIP}` : ''}`],
    ['Start Time', timeText(status.startTime, ask.nowMs)],
    ['Phase', status.phase],
    ['Reason', status.reason],
    ['Message', status.message],
    ['IPs', (status.podIPs ?? []).map(({ ip }) => ip ?? '')],
    ['Nominated Node', status.nominatedNodeName],
    ['Init Containers', containersOf(spec.initContainers, states(status.initContainerStatuses), ask)],
    ['Containers', containersOf(spec.containers, states(status.containerStatuses), ask)],
    ['Ephemeral Containers', containersOf(spec.ephemeralContainers, states(status.ephemeralContainerStatuses), ask)],
    conditionsOf(status.conditions, ask),
    ['Volumes', volumesOf(spec.volumes)],
    ['QoS Class', status.qosClass],
    ...placementOf(spec),
  ];
}

/** Of a workload. */
export function templateOf({ metadata, spec }: PodTemplateSpec, ask: Asker): Value {
  const entries: Entry[] = [
    ['Labels', pairs(metadata?.labels)],
    ['Annotations', metadata?.annotations === undefined ? undefined : pairs(metadata.annotations, ': ')],
    ['Service Account', spec?.serviceAccountName],
    ['Init Containers', containersOf(spec?.initContainers, new Map(), ask)],
    ['Containers', containersOf(spec?.containers, new Map(), ask)],
    ['Volumes', volumesOf(spec?.volumes)],
    ...(spec === undefined ? [] : placementOf(spec)),
  ];
  return { entries };
}

function placementOf(spec: PodSpec): Entry[] {
  return [
    ['Node-Selectors', pairs(spec.nodeSelector)],
    ['Tolerations', (spec.tolerations ?? []).map(tolerationText)],
    [
      'Topology Spread',
      spec.topologySpreadConstraints?.map(
        ({ topologyKey, whenUnsatisfiable, maxSkew }) =>
          `${topologyKey}: ${whenUnsatisfiable} when max skew ${maxSkew} is exceeded`,
      ),
    ],
  ];
}

function tolerationText({ key, operator, value, effect, tolerationSeconds }: Toleration): string {
  const what = `${key ?? '(all taints)'}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}`;
  const how = operator === 'Exists' && !value ? ' op=Exists' : '';
  return `${what}${how}${tolerationSeconds === undefined ? '' : ` for ${tolerationSeconds}s`}`;
}

function containersOf(
  containers: readonly Container[] | undefined,
  statuses: ReadonlyMap<string, ContainerStatus>,
  ask: Asker,
): Value | undefined {
  if (containers === undefined || containers.length === 0) return undefined;
  return {
    entries: containers.map((each) => [each.name, { entries: containerOf(each, statuses.get(each.name), ask) }]),
  };
}

function containerOf(container: Container, status: ContainerStatus | undefined, { nowMs }: Asker): Entry[] {
  const { ports, command, args, resources, env, envFrom, volumeMounts } = container;
  const last = status?.lastState;
  return [
    ['Container ID', status?.containerID],
    ['Image', container.image],
    ['Image ID', status?.imageID || undefined],
    [
      'Ports',
      ports?.map(
        ({ containerPort, protocol, name, hostPort }) =>
          `${containerPort}/${protocol ?? 'TCP'}${name ? ` (${name})` : ''}${hostPort ? ` on the host's ${hostPort}` : ''}`,
      ),
    ],
    ['Command', command],
    ['Args', args],
    ['State', status === undefined ? undefined : stateText(status.state, nowMs)],
    ['Last State', last === undefined || Object.keys(last).length === 0 ? undefined : stateText(last, nowMs)],
    ['Ready', status === undefined ? undefined : yesNo(status.ready)],
    ['Restart Count', status?.restartCount],
    ['Limits', amountsText(resources?.limits)],
    ['Requests', amountsText(resources?.requests)],
    ['Liveness', probeText(container.livenessProbe)],
    ['Readiness', probeText(container.readinessProbe)],
    ['Startup', probeText(container.startupProbe)],
    [
      'Environment From',
      envFrom?.map(
        ({ configMapRef, secretRef, prefix }) =>
          `${configMapRef ? `ConfigMap ${configMapRef.name}` : `Secret ${secretRef?.name ?? ''}`}${prefix ? ` with prefix ${prefix}` : ''}`,
      ),
    ],
    ['Environment', (env ?? []).map(environmentText)],
    [
      'Mounts',
      (volumeMounts ?? []).map(
        ({ mountPath, name, readOnly, subPath }) =>
          `${mountPath} from ${name} (${readOnly ? 'ro' : 'rw'}${subPath ? `, path ${subPath}` : ''})`,
      ),
    ],
  ];
}

const amountsText = (amounts: Readonly<Record<string, string>> | undefined): string | undefined =>
  amounts === undefined ? undefined : pairs(amounts, ' ').join(', ');

function stateText(state: ContainerState | undefined, nowMs: number): string {
  if (state?.running) return `Running since ${timeText(state.running.startedAt, nowMs) ?? '<unknown>'}`;
  if (state?.waiting)
    return `Waiting: ${orNone(state.waiting.reason)}${state.waiting.message ? `: ${state.waiting.message}` : ''}`;
  if (state?.terminated) {
    const { reason, exitCode, signal, message, finishedAt } = state.terminated;
    const how = `exit code ${exitCode}${signal ? `, signal ${signal}` : ''}`;
    return `Terminated: ${orNone(reason)} (${how}), ${timeText(finishedAt, nowMs) ?? 'at an unknown time'}${message ? `\n${message.trimEnd()}` : ''}`;
  }
  return 'Waiting';
}

function environmentText({ name, value, valueFrom }: EnvVar): string {
  if (valueFrom === undefined) return `${name}=${value ?? ''}`;
  const { secretKeyRef, configMapKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  const optional = (secretKeyRef ?? configMapKeyRef)?.optional ? ', optional' : '';
  if (secretKeyRef) return `${name}: key ${secretKeyRef.key} of Secret ${secretKeyRef.name}${optional}`;
  if (configMapKeyRef) return `${name}: key ${configMapKeyRef.key} of ConfigMap ${configMapKeyRef.name}${optional}`;
  if (fieldRef) return `${name}: field ${fieldRef.fieldPath}`;
  return `${name}: ${resourceFieldRef?.resource ?? 'from elsewhere'}`;
}

function probeText(probe: Probe | undefined): string | undefined {
  if (probe === undefined) return undefined;
  const { httpGet, tcpSocket, exec, grpc } = probe;
  const what = httpGet
    ? `${(httpGet.scheme ?? 'HTTP').toLowerCase()}-get ${httpGet.host ?? ''}:${httpGet.port}${httpGet.path ?? '/'}`
    : tcpSocket
      ? `tcp-socket ${tcpSocket.host ?? ''}:${tcpSocket.port}`
      : exec
        ? `exec ${(exec.command ?? []).join(' ')}`
        : `grpc :${grpc?.port ?? ''}`;
  return `${what} delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 1}s period=${probe.periodSeconds ?? 10}s #success=${probe.successThreshold ?? 1} #failure=${probe.failureThreshold ?? 3}`;
}

function volumesOf(volumes: readonly Volume[] | undefined): Value | undefined {
  if (volumes === undefined) return undefined;
  return { entries: volumes.map((volume): Entry => [volume.name, { entries: volumeOf(volume) }]) };
}

/** Every volume has one member beside its name, which says its type. */
function volumeOf(volume: Volume): Entry[] {
  const [type = '', source = {}] = Object.entries(volume).find(([key]) => key !== 'name') ?? [];
  const facts = Object.entries(source as Record<string, string | number | boolean | object>).flatMap(
    ([key, value]): Entry[] => {
      if (key === 'sources') return [['Sources', (value as object[]).map(projectedText)]];
      if (key === 'items' || typeof value === 'object') return [];
      return [[key.charAt(0).toUpperCase() + key.slice(1), String(value)]];
    },
  );
  return [['Type', type.charAt(0).toUpperCase() + type.slice(1)], ...facts];
}

function projectedText(source: object): string {
  const [type = '', value = {}] = Object.entries(source)[0] ?? [];
  const { name } = value as { readonly name?: string };
  return name === undefined ? type : `${type} ${name}`;
}
