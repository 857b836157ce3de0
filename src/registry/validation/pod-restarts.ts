/** A container that has ended starts again only where its policy, its rules or the pod's policy say so. */
import { forbiddenField } from '../../api/field-error.ts';
import type { Container, ContainerStatus, PodSpec, PodStatus } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

export function validateRestarts(spec: PodSpec, now: PodStatus, old: PodStatus): FieldError[] {
  const check = (list: 'containerStatuses' | 'initContainerStatuses', containers: PodSpec['initContainers']) =>
    restartsAllContainers(spec) ? [] : revivals(`status.${list}`, now[list], old[list], containers ?? [], spec);
  const ephemeral = 'ephemeralContainerStatuses';
  return [
    ...check('containerStatuses', spec.containers),
    ...check('initContainerStatuses', spec.initContainers),
    ...revivals(`status.${ephemeral}`, now[ephemeral], old[ephemeral], [], spec),
  ];
}

function restartsAllContainers(spec: PodSpec): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ restartPolicyRules }) =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );
}

function revivals(
  path: string,
  now: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  containers: readonly Container[],
  spec: PodSpec,
): FieldError[] {
  const ended = (old ?? []).flatMap(({ name, state }, index) => {
    return state?.terminated ? [{ name, index, exitCode: state.terminated.exitCode ?? 0 }] : [];
  });
  if (ended.length === 0) return [];
  const statuses = new Map([...(now ?? [])].reverse().map((status) => [status.name, status]));
  const byName = new Map(containers.map((container) => [container.name, container]));
  return ended.flatMap(({ name, index, exitCode }) => {
    const status = statuses.get(name);
    if (status === undefined || status.state?.terminated) return [];
    const container = byName.get(name);
    if (container !== undefined && mayRestart(container, spec, exitCode)) return [];
    return [forbiddenField(`${path}[${index}].state`, 'may not be transitioned to non-terminated state')];
  });
}

function mayRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  const { restartPolicy, restartPolicyRules } = container;
  if (restartPolicy !== undefined) {
    const matching = (restartPolicyRules ?? []).find(({ exitCodes }) => {
      const listed = exitCodes?.values?.includes(exitCode) ?? false;
      return exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed;
    });
    if (matching?.action === 'Restart') return true;
  }
  const policy = restartPolicy ?? spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}
