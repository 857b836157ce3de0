/** What the scale subresource reads of an object must be counts and a selector; told by the paths as the definition has them. */
import { goType } from '../../api/apply/go-text.ts';
import { invalidValue } from '../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { goText, isObject } from '../../api/patch/json-tree.ts';
import type { CustomResourceSubresourceScale } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

const int32Max = 2 ** 31 - 1;

export function scaleSpecErrors(
  { specReplicasPath }: CustomResourceSubresourceScale,
  object: JsonObject,
): FieldError[] {
  return countErrors(specReplicasPath, object);
}

export function scaleStatusErrors(scale: CustomResourceSubresourceScale, object: JsonObject): FieldError[] {
  const { statusReplicasPath, labelSelectorPath } = scale;
  return [
    ...countErrors(statusReplicasPath, object),
    ...(labelSelectorPath ? selectorErrors(labelSelectorPath, object) : []),
  ];
}

function countErrors(path: string, object: JsonObject): FieldError[] {
  const { value, problem } = valueAt(path, object, 'int64', (each) => Number.isInteger(each));
  if (problem !== undefined) return [invalidValue(path, 0, problem)];
  const count = typeof value === 'number' ? value : 0;
  if (count < 0) return [invalidValue(path, count, 'should be a non-negative integer')];
  if (count > int32Max) return [invalidValue(path, count, `should be less than or equal to ${int32Max}`)];
  return [];
}

function selectorErrors(path: string, object: JsonObject): FieldError[] {
  const { problem } = valueAt(path, object, 'string', (value) => typeof value === 'string');
  return problem === undefined ? [] : [invalidValue(path, '', problem)];
}

interface Found {
  readonly value?: JsonValue | undefined;
  readonly problem?: string;
}

/** Undefined where nothing stands there. */
function valueAt(path: string, object: JsonObject, type: string, fits: (value: JsonValue) => boolean): Found {
  const steps = path.replace(/^\./, '').split('.');
  let at: JsonValue | undefined = object;
  for (const [depth, step] of steps.entries()) {
    if (at === null || at === undefined) return {};
    if (!isObject(at)) return wrong(steps.slice(0, depth + 1), at, 'map[string]interface {}');
    at = Object.hasOwn(at, step) ? at[step] : undefined;
  }
  if (at === undefined || fits(at)) return { value: at };
  return wrong(steps, at, type);
}

function wrong(steps: readonly string[], value: JsonValue, wanted: string): Found {
  const shown = `${goText(value)} is of the type ${goType(value)}`;
  return { problem: `.${steps.join('.')} accessor error: ${shown}, expected ${wanted}` };
}
