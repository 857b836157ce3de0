/** Resources that a pod asks for as a whole, beside its containers: they bound what the containers ask for. */
import { forbiddenField, invalidValue, keyPath } from '../../api/field-error.ts';
import { containersTogether } from '../../api/pod-requests.ts';
import { compareQuantities, formatQuantity } from '../../api/quantity.ts';
import type { PodSpec, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { PodOptions } from './pod-options.ts';
import { compareAmounts, quantityOf } from './quantities.ts';
import { isHugePages, validatePodResourceName, validateRequirements } from './resources.ts';

export function validatePodResources(
  path: string,
  spec: PodSpec,
  claims: ReadonlySet<string>,
  options: PodOptions,
): FieldError[] {
  const { resources, os } = spec;
  if (resources === undefined) return [];
  const at = `${path}.resources`;
  if (os?.name === 'windows') return [forbiddenField(at, 'may not be set for a windows pod')];
  const errors: FieldError[] = [];
  if (resources.claims) {
    errors.push(forbiddenField(`${at}.claims`, 'claims may not be set for Resources at pod-level'));
  }
  errors.push(...validateRequirements(at, resources, claims, options, validatePodResourceName));
  return [...errors, ...validateSums(at, spec, resources), ...validateEachLimit(at, spec, resources)];
}

/** The containers together ask for no more than the pod; huge pages, which are never promised twice, may not exceed its limits. */
function validateSums(path: string, spec: PodSpec, resources: ResourceRequirements): FieldError[] {
  const check = (which: 'limits' | 'requests'): FieldError[] =>
    [...containersTogether(spec, which)].flatMap(([name, sum]) => {
      const whole = resources[which]?.[name];
      if (whole === undefined || (which === 'limits' && !isHugePages(name))) return [];
      const bound = quantityOf(whole);
      if (bound === undefined || compareQuantities(sum, bound) <= 0) return [];
      const detail = `must be greater than or equal to aggregate container ${which} of ${formatQuantity(sum)}`;
      return [invalidValue(keyPath(`${path}.${which}`, name), whole, detail)];
    });
  return [...check('requests'), ...check('limits')];
}

function validateEachLimit(path: string, spec: PodSpec, { limits = {} }: ResourceRequirements): FieldError[] {
  return (spec.containers ?? []).flatMap((container, index) =>
    Object.entries(container.resources?.limits ?? {}).flatMap(([name, limit]) => {
      const bound = limits[name];
      if (bound === undefined || compareAmounts(limit, bound) <= 0) return [];
      const at = `${keyPath(`${path}.containers[${index}]`, name)}.limits`;
      return [invalidValue(at, limit, `must be less than or equal to pod limits of ${bound}`)];
    }),
  );
}
