/**
 * `pods/resize`: only how much cpu and memory containers and the pod as a whole may use, never which class of pod it is (KEP-1287).
 * Upstream's rules and words; what else the client sent was dropped before (`parts.ts`), but for containers that are not the pod's.
 */
import { forbiddenField, invalidValue } from '../../api/field-error.ts';
import { qualityOfService } from '../../api/pod-quality.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { validateWholePod } from './pod.ts';
import { mirrorAnnotation } from './pod-annotations.ts';

const noSpec: PodSpec = { containers: [] };

export function validateResize(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined) {
    return [forbiddenField('[]', 'static pods cannot be resized')];
  }
  if (old.spec?.os?.name === 'windows') return [forbiddenField('[]', 'windows pods cannot be resized')];
  const [spec, before] = [pod.spec ?? noSpec, old.spec ?? noSpec];
  const errors = [...validateWholePod(pod, old), ...validateClass(pod, old)];
  if (!nodeCanResize(old)) errors.push(forbiddenField('spec', 'Pod running on node without support for resize'));
  errors.push(...validatePodLevel(spec.resources, before.resources));
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length) {
    errors.push(forbiddenField('spec', 'pods with node allocatable resource claims cannot be resized'));
  }
  const others = [...validateOrder('containers', spec, before), ...validateOrder('initContainers', spec, before)];
  if (others.length > 0) return [...errors, ...others];
  return [
    ...errors,
    ...validateRemovals('spec.initContainers', spec.initContainers, before.initContainers),
    ...validateRemovals('spec.containers', spec.containers, before.containers),
    ...validateContainers(spec.containers, before.containers),
    ...validateInitContainers(spec.initContainers ?? [], before.initContainers ?? []),
  ];
}

/** Upstream goes no further where these are not the same containers in the same order. */
function validateOrder(list: 'containers' | 'initContainers', now: PodSpec, old: PodSpec): FieldError[] {
  const [containers, before] = [now[list] ?? [], old[list] ?? []];
  if (containers.length !== before.length) {
    return [forbiddenField(`spec.${list}`, `${list} may not be added or removed on resize`)];
  }
  return before.flatMap(({ name }, index) => {
    if (containers[index]?.name === name) return [];
    return [forbiddenField(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`)];
  });
}

function validateClass(pod: Pod, old: Pod): FieldError[] {
  const quality = old.status?.qosClass || qualityOfService(old.spec);
  if (quality === qualityOfService(pod.spec)) return [];
  return [invalidValue('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing')];
}

/** A node that resizes says what its containers have; one where nothing runs yet gets the benefit of the doubt. */
function nodeCanResize({ status }: Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

const resizable: readonly string[] = ['cpu', 'memory'];
const amounts = ['requests', 'limits'] as const;

/** Is anything gone? */
function removals(path: string, what: string, now: ResourceRequirements, old: ResourceRequirements): FieldError[] {
  return amounts.flatMap((which) => {
    const names = Object.keys(old[which] ?? {});
    if (names.every((name) => now[which]?.[name] !== undefined)) return [];
    return [forbiddenField(`${path}.${which}`, `${what} ${which} cannot be removed`)];
  });
}

function validateRemovals(path: string, now: readonly Container[] = [], old: readonly Container[] = []): FieldError[] {
  return now.flatMap(({ resources = {} }, index) =>
    removals(`${path}[${index}].resources`, 'resource', resources, old[index]?.resources ?? {}),
  );
}

function validatePodLevel(now: ResourceRequirements | undefined, old: ResourceRequirements | undefined): FieldError[] {
  if (!asksForAnything(now) && !asksForAnything(old)) return [];
  if (now === undefined) return [forbiddenField('spec.resources', 'pod-level resources cannot be removed')];
  const errors = removals('spec.resources', 'pod-level resource', now, old ?? {});
  if (!sameButForResizable(now, old ?? {}) || !sameJson(now.claims, old?.claims)) {
    errors.push(forbiddenField('spec', 'only cpu and memory resources are mutable at pod-level'));
  }
  return errors;
}

function asksForAnything(resources: ResourceRequirements | undefined): boolean {
  return amounts.some((which) => Object.keys(resources?.[which] ?? {}).length > 0);
}

function sameButForResizable(now: ResourceRequirements, old: ResourceRequirements): boolean {
  return amounts.every((which) => sameJson(withoutResizable(now[which]), withoutResizable(old[which])));
}

function withoutResizable(list: ResourceRequirements['limits']): object {
  return Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => !resizable.includes(name)));
}

/** Upstream compares without the claims: a container that has some cannot be resized. */
function isResized(now: Container, old: Container | undefined): boolean {
  if (old === undefined || old.resources?.claims?.length) return false;
  const { resources: _now, ...rest } = now;
  const { resources: _old, ...before } = old;
  return sameJson(rest, before) && sameButForResizable(now.resources ?? {}, old.resources ?? {});
}

function validateContainers(now: readonly Container[], old: readonly Container[]): FieldError[] {
  return now.flatMap((container, index) =>
    isResized(container, old[index]) ? [] : [forbiddenField('spec', 'only cpu and memory resources are mutable')],
  );
}

function validateInitContainers(now: readonly Container[], old: readonly Container[]): FieldError[] {
  return now.flatMap((container, index) => {
    const path = `spec.initContainers[${index}]`;
    const errors: FieldError[] = [];
    if (!isResized(container, old[index])) {
      errors.push(forbiddenField(path, 'only cpu and memory resources for init or sidecar containers are mutable'));
    }
    // What only runs once has nothing to restart for; such containers are older than the rule against them.
    const isUnable = container.restartPolicy !== 'Always' && !sameJson(container, old[index]);
    for (const { restartPolicy } of (isUnable && container.resizePolicy) || []) {
      if (restartPolicy !== 'RestartContainer') continue;
      const detail = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized';
      errors.push(forbiddenField(path, detail));
    }
    return errors;
  });
}
