/** Health of a pod: Ready, or done; failing is what its owner has to mend: an image, a command, a missing Secret. */
import type { ContainerStatus, Pod } from '../../api/schema/types/core-v1.ts';
import { conditionText, failing, type Health, type HealthRules, healthy, progressing } from './base.ts';

export const podHealth: HealthRules = { 'Pod.': pod };

/** Reasons of waiting that do not go away by waiting. */
const stuckReasons: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

function pod({ spec, status = {} }: Pod): Health {
  const { phase = 'Pending', conditions = [] } = status;
  if (phase === 'Succeeded') return healthy('it is done');
  if (phase === 'Failed')
    return failing(`it failed: ${status.message || status.reason || endings(statusesOf(status))}`);
  const stuck = statusesOf(status).find(({ state }) => stuckReasons.has(state?.waiting?.reason ?? ''));
  if (stuck !== undefined) return failing(stuckText(stuck));
  const of = (type: string) => conditions.find((condition) => condition.type === type);
  if (of('Ready')?.status === 'True') return healthy('it is ready');
  const scheduled = of('PodScheduled');
  if (spec?.nodeName === undefined && scheduled?.status === 'False') {
    return progressing(`no node was found for it: ${conditionText(scheduled)}`);
  }
  if (phase === 'Pending') return progressing(spec?.nodeName === undefined ? 'it waits for a node' : starting(status));
  const unready = (status.containerStatuses ?? []).filter((container) => !container.ready).map(({ name }) => name);
  const { message } = of('Ready') ?? {};
  return progressing(unready.length > 0 ? `not ready: ${unready.join(', ')}` : (message ?? 'it is not ready yet'));
}

type PodStatus = NonNullable<Pod['status']>;

const statusesOf = (status: PodStatus): readonly ContainerStatus[] => [
  ...(status.initContainerStatuses ?? []),
  ...(status.containerStatuses ?? []),
];

function starting(status: PodStatus): string {
  const waiting = statusesOf(status).find(({ state }) => state?.waiting?.reason !== undefined);
  return waiting === undefined
    ? 'it is starting'
    : `it is starting (${waiting.name}: ${waiting.state?.waiting?.reason})`;
}

function stuckText({ name, state, lastState }: ContainerStatus): string {
  const { reason = '', message = '' } = state?.waiting ?? {};
  const last = lastState?.terminated;
  const before = last === undefined ? '' : `; it ended with ${last.reason ?? 'exit'} (exit code ${last.exitCode})`;
  return `container ${name}: ${reason}${message === '' ? '' : `, ${message}`}${before}`;
}

function endings(statuses: readonly ContainerStatus[]): string {
  const ended = statuses.flatMap(({ name, state }) =>
    state?.terminated !== undefined && state.terminated.exitCode !== 0
      ? [`${name} ended with exit code ${state.terminated.exitCode}`]
      : [],
  );
  return ended.join(', ') || 'no reason given';
}
