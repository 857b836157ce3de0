/** Probes of containers and the hooks at both ends of their lives. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isHttpHeaderName, isPortName, isPortNumber } from '../../api/names.ts';
import type { Container, HTTPGetAction, LifecycleHandler, Probe } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, nonNegative } from './checks.ts';

const probeNames = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
type ProbeName = (typeof probeNames)[number];

/** Of containers that go on running. `graceSeconds` is how long the pod may take to end, where that is known. */
export function validateHooks(path: string, container: Container, graceSeconds: number | undefined): FieldError[] {
  const { lifecycle } = container;
  const errors: FieldError[] = [];
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = lifecycle?.[hook];
    if (handler) errors.push(...validateHandler(`${path}.lifecycle.${hook}`, handler, graceSeconds));
  }
  for (const name of probeNames) {
    const probe = container[name];
    if (probe) errors.push(...validateProbe(`${path}.${name}`, probe, name));
  }
  return errors;
}

/** Init containers end; only those that restart always take probes and hooks. */
export function refuseHooks(path: string, container: Container): FieldError[] {
  const detail = 'may not be set for init containers without restartPolicy=Always';
  const given = (['lifecycle', ...probeNames] as const).filter((name) => container[name] !== undefined);
  return given.map((name) => forbiddenField(`${path}.${name}`, detail));
}

const counts = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

function validateProbe(path: string, probe: Probe, name: ProbeName): FieldError[] {
  const errors = validateHandler(path, probe, undefined);
  for (const field of counts)
    if ((probe[field] ?? 0) < 0) errors.push(...nonNegative(`${path}.${field}`, probe[field]));
  const grace = probe.terminationGracePeriodSeconds;
  const graceAt = `${path}.terminationGracePeriodSeconds`;
  if (grace !== undefined && grace <= 0) errors.push(invalidValue(graceAt, grace, 'must be greater than 0'));
  if (name !== 'readinessProbe' && probe.successThreshold !== 1) {
    errors.push(invalidValue(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  }
  if (name === 'readinessProbe' && grace !== undefined) {
    errors.push(invalidValue(graceAt, grace, 'must not be set for readinessProbes'));
  }
  return errors;
}

const handlerTypes = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
type Handler = Probe & LifecycleHandler;

/** Exactly one way: a probe's and a hook's are the same but for `grpc` and `sleep`. Only the first given is looked at. */
function validateHandler(path: string, handler: Handler, graceSeconds: number | undefined): FieldError[] {
  const [first, ...more] = handlerTypes.filter((type) => handler[type] !== undefined);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  return [
    ...validateAction(`${path}.${first}`, handler, first, graceSeconds),
    ...more.map((type) => forbiddenField(`${path}.${type}`, 'may not specify more than 1 handler type')),
  ];
}

function validateAction(
  path: string,
  { exec, httpGet, tcpSocket, grpc, sleep }: Handler,
  type: (typeof handlerTypes)[number],
  graceSeconds: number | undefined,
): FieldError[] {
  switch (type) {
    case 'exec':
      return exec?.command?.length ? [] : [required(`${path}.command`)];
    case 'httpGet':
      return httpGet ? validateHttpGet(path, httpGet) : [];
    case 'tcpSocket':
      return validatePortOrName(`${path}.port`, tcpSocket?.port);
    case 'grpc':
      return validatePortOrName(`${path}.port`, grpc?.port);
    case 'sleep':
      return validateSleep(path, sleep?.seconds ?? 0, graceSeconds);
  }
}

function validateSleep(path: string, seconds: number, graceSeconds: number | undefined): FieldError[] {
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
  return [invalidValue(path, seconds, detail)];
}

const schemes = ['HTTP', 'HTTPS'];

function validateHttpGet(path: string, action: HTTPGetAction): FieldError[] {
  const { path: target, port, httpHeaders } = action;
  const scheme: string = action.scheme ?? '';
  const errors = target ? [] : [required(`${path}.path`)];
  errors.push(...validatePortOrName(`${path}.port`, port));
  if (!schemes.includes(scheme)) errors.push(notSupported(`${path}.scheme`, scheme, schemes));
  for (const { name = '' } of httpHeaders ?? []) {
    errors.push(...invalidEach(`${path}.httpHeaders`, name, isHttpHeaderName(name)));
  }
  return errors;
}

export function validatePortOrName(path: string, port: number | string | undefined): FieldError[] {
  if (typeof port === 'string') return invalidEach(path, port, isPortName(port));
  return invalidEach(path, port ?? 0, isPortNumber(port ?? 0));
}
