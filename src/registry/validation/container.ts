/** The rules of one container: image, ports, environment, mounts, probes, hooks. What holds between containers stands in `pod.ts`. */
import { forbiddenField, invalidValue, notFoundValue, notSupported, required } from '../../api/field-error.ts';
import {
  isConfigMapKey,
  isDns1123Label,
  isHttpHeaderName,
  isInRange,
  isPortName,
  isPortNumber,
  isQualifiedName,
  isRelaxedEnvVarName,
} from '../../api/names.ts';
import type {
  Container,
  ContainerPort,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  HTTPGetAction,
  LifecycleHandler,
  Probe,
  SecurityContext,
  VolumeMount,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, noDuplicates, nonNegative, oneOf, requiredName, requiredText } from './checks.ts';
import { validateResources } from './resources.ts';

/** What the rules of a container need to know of its pod. */
export interface ContainerContext {
  readonly path: string;
  /** By name: does the volume show up as a block device? */
  readonly volumeNames: ReadonlySet<string>;
  readonly hostNetwork: boolean;
  /** Init containers end; only those that restart always take probes and hooks. */
  readonly takesProbes: boolean;
}

const protocols = ['SCTP', 'TCP', 'UDP'];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const messagePolicies = ['FallbackToLogsOnError', 'File'];

export function validateContainer(container: Container, context: ContainerContext): FieldError[] {
  const { path } = context;
  return [
    ...requiredName(`${path}.name`, container.name, isDns1123Label),
    ...validateImage(`${path}.image`, container.image),
    ...validatePorts(`${path}.ports`, container.ports ?? [], context.hostNetwork),
    ...(container.env ?? []).flatMap((env, index) => validateEnv(`${path}.env[${index}]`, env)),
    ...(container.envFrom ?? []).flatMap((source, index) => validateEnvFrom(`${path}.envFrom[${index}]`, source)),
    ...validateMounts(container, context),
    ...validateLifecycle(container, context),
    ...validateProbes(container, context),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies),
    ...oneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies),
    ...validateResources(`${path}.resources`, container.resources),
    ...validateSecurityContext(`${path}.securityContext`, container.securityContext),
  ];
}

function validateImage(path: string, image: string | undefined): FieldError[] {
  if (!image) return [required(path)];
  return image.trim() === image ? [] : [invalidValue(path, image, 'must not have leading or trailing whitespace')];
}

function validatePorts(path: string, ports: readonly ContainerPort[], hostNetwork: boolean): FieldError[] {
  return [
    ...noDuplicates(
      ports.map((port) => port.name),
      (index) => `${path}[${index}].name`,
    ),
    ...ports.flatMap((port, index) => validatePort(`${path}[${index}]`, port, hostNetwork)),
  ];
}

function validatePort(path: string, port: ContainerPort, hostNetwork: boolean): FieldError[] {
  const errors = port.name ? invalidEach(`${path}.name`, port.name, isPortName(port.name)) : [];
  if (!port.containerPort) errors.push(required(`${path}.containerPort`));
  else errors.push(...invalidEach(`${path}.containerPort`, port.containerPort, isPortNumber(port.containerPort)));
  if (port.hostPort) {
    errors.push(...invalidEach(`${path}.hostPort`, port.hostPort, isPortNumber(port.hostPort)));
    if (hostNetwork && port.hostPort !== port.containerPort) {
      errors.push(
        invalidValue(`${path}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'),
      );
    }
  }
  if (!port.protocol) errors.push(required(`${path}.protocol`));
  errors.push(...oneOf(`${path}.protocol`, port.protocol, protocols));
  return errors;
}

function validateEnv(path: string, env: EnvVar): FieldError[] {
  const errors = env.name
    ? invalidEach(`${path}.name`, env.name, isRelaxedEnvVarName(env.name))
    : [required(`${path}.name`)];
  if (env.valueFrom) errors.push(...validateValueFrom(`${path}.valueFrom`, env, env.valueFrom));
  return errors;
}

function validateValueFrom(path: string, env: EnvVar, source: EnvVarSource): FieldError[] {
  const errors: FieldError[] = [];
  if (env.value) errors.push(invalidValue(path, '', 'may not be specified when `value` is not empty'));
  const given = Object.values(source).filter((value) => value !== undefined).length;
  if (given === 0) {
    errors.push(
      invalidValue(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    );
  } else if (given > 1) errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  if (source.fieldRef) errors.push(...validateFieldRef(`${path}.fieldRef`, source.fieldRef.fieldPath));
  if (source.resourceFieldRef)
    errors.push(...requiredText(`${path}.resourceFieldRef.resource`, source.resourceFieldRef.resource));
  if (source.configMapKeyRef) errors.push(...validateKeyRef(`${path}.configMapKeyRef`, source.configMapKeyRef));
  if (source.secretKeyRef) errors.push(...validateKeyRef(`${path}.secretKeyRef`, source.secretKeyRef));
  return errors;
}

function validateKeyRef(path: string, reference: { readonly name?: string; readonly key?: string }): FieldError[] {
  return [
    ...requiredText(`${path}.name`, reference.name),
    ...requiredName(`${path}.key`, reference.key, isConfigMapKey),
  ];
}

/** Upstream's list of what the downward API puts into the environment, in its order. */
export const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

function validateFieldRef(path: string, fieldPath: string | undefined): FieldError[] {
  if (!fieldPath) return [required(`${path}.fieldPath`)];
  if (envFieldPaths.includes(fieldPath) || isSubscript(fieldPath)) return [];
  return [notSupported(`${path}.fieldPath`, fieldPath, envFieldPaths)];
}

/** `metadata.labels['app']`, `metadata.annotations['x/y']`. */
export function isSubscript(fieldPath: string): boolean {
  const key = /^metadata\.(?:labels|annotations)\['(.*)'\]$/.exec(fieldPath)?.[1];
  return key !== undefined && isQualifiedName(key.toLowerCase()).length === 0;
}

function validateEnvFrom(path: string, source: EnvFromSource): FieldError[] {
  const errors = source.prefix ? invalidEach(`${path}.prefix`, source.prefix, isRelaxedEnvVarName(source.prefix)) : [];
  const given = [source.configMapRef, source.secretRef].filter((value) => value !== undefined).length;
  if (given === 0) errors.push(invalidValue(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
  if (given > 1) errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  if (source.configMapRef) errors.push(...requiredText(`${path}.configMapRef.name`, source.configMapRef.name));
  if (source.secretRef) errors.push(...requiredText(`${path}.secretRef.name`, source.secretRef.name));
  return errors;
}

function validateMounts({ volumeMounts = [], volumeDevices = [] }: Container, context: ContainerContext): FieldError[] {
  const path = `${context.path}.volumeMounts`;
  const seen = new Set<string>();
  const errors = volumeMounts.flatMap((mount, index) => {
    const at = `${path}[${index}]`;
    const repeated = mount.mountPath !== undefined && seen.has(mount.mountPath);
    seen.add(mount.mountPath);
    return [
      ...validateMount(at, mount, context.volumeNames),
      ...(repeated ? [invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique')] : []),
    ];
  });
  for (const [index, device] of volumeDevices.entries()) {
    const at = `${context.path}.volumeDevices[${index}]`;
    errors.push(...validateVolumeName(`${at}.name`, device.name, context.volumeNames));
    errors.push(...requiredText(`${at}.devicePath`, device.devicePath));
  }
  return errors;
}

function validateVolumeName(path: string, name: string | undefined, volumeNames: ReadonlySet<string>): FieldError[] {
  if (!name) return [required(path)];
  return volumeNames.has(name) ? [] : [notFoundValue(path, name)];
}

function validateMount(path: string, mount: VolumeMount, volumeNames: ReadonlySet<string>): FieldError[] {
  const errors = validateVolumeName(`${path}.name`, mount.name, volumeNames);
  errors.push(...requiredText(`${path}.mountPath`, mount.mountPath));
  if (mount.subPath) errors.push(...localPath(`${path}.subPath`, mount.subPath));
  if (mount.subPathExpr) {
    if (mount.subPath) {
      errors.push(
        invalidValue(`${path}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
      );
    }
    errors.push(...localPath(`${path}.subPathExpr`, mount.subPathExpr));
  }
  errors.push(
    ...oneOf(`${path}.mountPropagation`, mount.mountPropagation, ['Bidirectional', 'HostToContainer', 'None']),
  );
  return errors;
}

/** A path that stays below the folder it starts from. */
export function localPath(path: string, value: string): FieldError[] {
  const errors: FieldError[] = [];
  if (value.startsWith('/')) errors.push(invalidValue(path, value, 'must be a relative path'));
  if (value.split('/').includes('..')) errors.push(invalidValue(path, value, "must not contain '..'"));
  return errors;
}

function validateLifecycle(container: Container, { path, takesProbes }: ContainerContext): FieldError[] {
  const { lifecycle } = container;
  if (lifecycle === undefined) return [];
  if (!takesProbes)
    return [forbiddenField(`${path}.lifecycle`, 'may not be set for init containers without restartPolicy=Always')];
  return [
    ...validateHandler(`${path}.lifecycle.postStart`, lifecycle.postStart),
    ...validateHandler(`${path}.lifecycle.preStop`, lifecycle.preStop),
  ];
}

function validateProbes(container: Container, { path, takesProbes }: ContainerContext): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (probe === undefined) continue;
    const at = `${path}.${name}`;
    if (!takesProbes)
      errors.push(forbiddenField(at, 'may not be set for init containers without restartPolicy=Always'));
    else errors.push(...validateProbe(at, probe, name));
  }
  return errors;
}

function validateProbe(
  path: string,
  probe: Probe,
  role: 'livenessProbe' | 'readinessProbe' | 'startupProbe',
): FieldError[] {
  const errors = validateHandler(path, probe);
  errors.push(...nonNegative(`${path}.initialDelaySeconds`, probe.initialDelaySeconds));
  errors.push(...nonNegative(`${path}.timeoutSeconds`, probe.timeoutSeconds));
  errors.push(...nonNegative(`${path}.periodSeconds`, probe.periodSeconds));
  errors.push(...nonNegative(`${path}.successThreshold`, probe.successThreshold));
  errors.push(...nonNegative(`${path}.failureThreshold`, probe.failureThreshold));
  if (role !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1) {
    errors.push(invalidValue(`${path}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace === undefined) return errors;
  const at = `${path}.terminationGracePeriodSeconds`;
  if (role === 'readinessProbe') errors.push(invalidValue(at, grace, 'must not be set for readinessProbes'));
  else if (grace <= 0) errors.push(invalidValue(at, grace, 'must be greater than 0'));
  return errors;
}

/** Exactly one way to ask: a probe's and a hook's are the same but for `grpc` and `sleep`. */
function validateHandler(path: string, handler: Probe | LifecycleHandler | undefined): FieldError[] {
  if (handler === undefined) return [];
  const kinds = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter(
    (kind) => (handler as Record<string, unknown>)[kind] !== undefined,
  );
  if (kinds.length === 0) return [required(path, 'must specify a handler type')];
  const errors = kinds
    .slice(1)
    .map((kind) => forbiddenField(`${path}.${kind}`, 'may not specify more than 1 handler type'));
  if (handler.exec && !handler.exec.command?.length) errors.push(required(`${path}.exec.command`));
  if (handler.httpGet) errors.push(...validateHttpGet(`${path}.httpGet`, handler.httpGet));
  if (handler.tcpSocket) errors.push(...validatePortOrName(`${path}.tcpSocket.port`, handler.tcpSocket.port));
  if ('grpc' in handler && handler.grpc) {
    errors.push(...invalidEach(`${path}.grpc.port`, handler.grpc.port, isPortNumber(handler.grpc.port)));
  }
  if ('sleep' in handler && handler.sleep && handler.sleep.seconds < 0) {
    errors.push(invalidValue(`${path}.sleep`, handler.sleep.seconds, 'must be greater than or equal to 0'));
  }
  return errors;
}

function validateHttpGet(path: string, action: HTTPGetAction): FieldError[] {
  return [
    ...requiredText(`${path}.path`, action.path),
    ...validatePortOrName(`${path}.port`, action.port),
    ...oneOf(`${path}.scheme`, action.scheme, ['HTTP', 'HTTPS']),
    ...(action.httpHeaders ?? []).flatMap((header) =>
      invalidEach(`${path}.httpHeaders`, header.name, isHttpHeaderName(header.name ?? '')),
    ),
  ];
}

export function validatePortOrName(path: string, port: number | string | undefined): FieldError[] {
  if (typeof port === 'string') return invalidEach(path, port, isPortName(port));
  return invalidEach(path, port ?? 0, isPortNumber(port ?? 0));
}

function validateSecurityContext(path: string, security: SecurityContext | undefined): FieldError[] {
  if (security === undefined) return [];
  const idMax = 2 ** 31 - 1;
  const errors: FieldError[] = [];
  for (const field of ['runAsUser', 'runAsGroup'] as const) {
    const id = security[field];
    if (id !== undefined) errors.push(...invalidEach(`${path}.${field}`, id, isInRange(id, 0, idMax)));
  }
  if (security.privileged && security.allowPrivilegeEscalation === false) {
    errors.push(
      invalidValue(path, security, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'),
    );
  }
  return errors;
}
