/**
 * `/containerLogs/NAMESPACE/POD/CONTAINER?…`: which run's log is meant, and with which options; the kubelet's parameters and errors. Pure.
 */
import type { ContainerStatus as ApiContainerStatus, Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { badRequest, type FieldError, invalid } from '../../api/status-error.ts';
import { allContainers, ephemeralContainers, initContainers } from '../pod/containers.ts';
import type { ContainerStatus } from '../runtime.ts';
import type { LogOptions } from './log-filter.ts';

export interface LogRequest extends LogOptions {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
}

/** @throws StatusError for parameters that are out of range */
export function parseLogRequest(path: string, nowMs: number): LogRequest | undefined {
  const url = new URL(path, 'http://node');
  const [kind, namespace, pod, container, ...more] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (kind !== 'containerLogs' || !namespace || !pod || !container || more.length > 0) return undefined;
  const query = url.searchParams;
  const errors: FieldError[] = [];
  const tailLines = integer(query, 'tailLines', 0, errors);
  const limitBytes = integer(query, 'limitBytes', 1, errors);
  const sinceSeconds = integer(query, 'sinceSeconds', 1, errors);
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions', name: '' }, errors);
  const sinceTime = query.get('sinceTime');
  let sinceMs = sinceTime === null || sinceTime === '' ? undefined : Date.parse(sinceTime);
  if (sinceSeconds !== undefined) sinceMs = nowMs - sinceSeconds * 1000;
  const stream = query.get('stream')?.toLowerCase();
  return {
    namespace,
    pod,
    container,
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...((stream === 'stdout' || stream === 'stderr') && { stream }),
  };
}

function flag(query: URLSearchParams, name: string): boolean {
  return /^(1|t|true)$/i.test(query.get(name) ?? '');
}

function integer(query: URLSearchParams, field: string, min: number, errors: FieldError[]): number | undefined {
  const text = query.get(field);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  if (value >= min) return value;
  const what = min === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
  errors.push({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${value}: ${what}` });
  return undefined;
}

/** The run whose log is meant. @throws StatusError where there is none, with why */
export function chooseRun(
  { container, previous }: LogRequest,
  pod: Pod,
  status: PodStatus,
  runs: readonly ContainerStatus[],
): ContainerStatus {
  const { name = '' } = pod.metadata ?? {};
  if (!allContainers(pod).some((one) => one.name === container)) {
    throw badRequest(`container ${container} is not valid for pod ${name}`);
  }
  const started = runs.filter((run) => run.name === container && run.state !== 'created');
  const [newest, before] = started.sort((a, b) => b.attempt - a.attempt);
  const known = statusOf(pod, status, container);
  // A container that waits to run again has no current run: its last one is both the newest and the previous.
  const isWaiting = known?.state?.waiting !== undefined;
  const wanted = previous && !(isWaiting && newest?.state === 'exited') ? before : newest;
  if (wanted !== undefined) return wanted;
  if (previous) throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  const reason = known?.state?.waiting?.reason;
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') {
    const why = reason === 'ErrImagePull' ? "image can't be pulled" : 'trying and failing to pull image';
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
  }
  if (known?.state?.terminated === undefined) {
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${reason ?? 'ContainerCreating'}`);
  }
  throw badRequest(`container "${container}" in pod "${name}" is terminated`);
}

function statusOf(pod: Pod, status: PodStatus, name: string): ApiContainerStatus | undefined {
  const isIn = (containers: readonly { readonly name: string }[]): boolean => containers.some((c) => c.name === name);
  let list = status.containerStatuses;
  if (isIn(initContainers(pod))) list = status.initContainerStatuses;
  else if (isIn(ephemeralContainers(pod))) list = status.ephemeralContainerStatuses;
  return list?.find((one) => one.name === name);
}
