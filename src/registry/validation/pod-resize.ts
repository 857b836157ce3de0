/**
 * `pods/resize`: only how much cpu and memory running containers may use, never which class of pod it is (KEP-1287). Upstream's rules and
 * words; what else the client sent was dropped before (`parts.ts`).
 */
import { forbiddenField, invalidValue } from '../../api/field-error.ts';
import type { Container, Pod, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { qualityOfService } from '../strategies/pods.ts';
import { validatePodSpec } from './pod.ts';

export function validateResize(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    return [forbiddenField('', 'static pods cannot be resized')];
  }
  if (old.spec?.os?.name === 'windows') return [forbiddenField('', 'windows pods cannot be resized')];
  const errors = validatePodSpec('spec', pod.spec ?? { containers: [] });
  const quality = qualityOfService(pod.spec);
  if (quality !== qualityOfService(old.spec)) {
    errors.push(invalidValue('spec', quality, 'Pod QOS Class may not change as a result of resizing'));
  }
  const containers = resourceErrors('spec.containers', pod.spec?.containers ?? [], old.spec?.containers ?? []);
  const sidecars = resourceErrors(
    'spec.initContainers',
    pod.spec?.initContainers ?? [],
    old.spec?.initContainers ?? [],
  );
  return [...errors, ...containers, ...sidecars];
}

/** The two lists name the same containers in the same order: `parts.ts` made the new one from the old. */
function resourceErrors(path: string, containers: readonly Container[], old: readonly Container[]): FieldError[] {
  return containers.flatMap((container, at) => {
    const before = old[at];
    if (before === undefined || sameJson(container.resources, before.resources)) return [];
    const isSidecar = path === 'spec.containers' || container.restartPolicy === 'Always';
    if (!isSidecar) return [forbiddenField(path, 'resources for non-sidecar init containers are immutable')];
    return changedResources(`${path}[${at}].resources`, container.resources ?? {}, before.resources ?? {});
  });
}

function changedResources(path: string, now: ResourceRequirements, old: ResourceRequirements): FieldError[] {
  const errors: FieldError[] = [];
  for (const what of ['requests', 'limits'] as const) {
    const [after, before] = [now[what] ?? {}, old[what] ?? {}];
    if (Object.keys(before).some((name) => after[name] === undefined)) {
      errors.push(forbiddenField(`${path}.${what}`, `resource ${what} cannot be removed`));
    }
    const others = [...new Set([...Object.keys(after), ...Object.keys(before)])].filter((name) => !resizable.has(name));
    if (others.some((name) => after[name] !== before[name])) {
      errors.push(forbiddenField('spec', 'only cpu and memory resources are mutable'));
    }
  }
  return sameJson(now.claims, old.claims)
    ? errors
    : [...errors, forbiddenField('spec', 'only cpu and memory resources are mutable')];
}

const resizable: ReadonlySet<string> = new Set(['cpu', 'memory']);
