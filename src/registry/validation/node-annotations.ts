/**
 * Two annotations of Nodes that are older than the fields which replaced them: their taints, and the controllers whose pods they
 * would rather not have. Nothing reads them here; upstream refuses what is not in their form, so this does as well.
 */
import { parseJson } from '../../api/decode-json.ts';
import { indexPath, invalidValue, required } from '../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import type { Taint } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

const path = 'metadata.annotations';
const taintsKey = 'scheduler.alpha.kubernetes.io/taints';
const avoidPodsKey = 'scheduler.alpha.kubernetes.io/preferAvoidPods';

type TaintRule = (path: string, taints: readonly Taint[]) => FieldError[];

export function validateNodeAnnotations(
  annotations: Readonly<Record<string, string>> = {},
  taintRule: TaintRule,
): FieldError[] {
  const [taints, avoided] = [annotations[taintsKey], annotations[avoidPodsKey]];
  return [...(taints ? taintErrors(taints, taintRule) : []), ...(avoided ? avoidPodsErrors(avoided) : [])];
}

function taintErrors(text: string, rule: TaintRule): FieldError[] {
  const { value, problem } = read(text, 'array', '[]v1.Taint');
  if (problem !== undefined) return [invalidValue(path, taintsKey, problem)];
  return rule(`${path}.${taintsKey}`, listOf(value) as unknown as Taint[]);
}

function avoidPodsErrors(text: string): FieldError[] {
  const { value, problem } = read(text, 'object', 'v1.AvoidPods');
  if (problem !== undefined) return [invalidValue(`${path}.AvoidPods`, avoidPodsKey, problem)];
  const entries = listOf(objectOf(value)['preferAvoidPods']);
  return entries.flatMap((entry, index) => avoidedErrors(indexPath(`${path}.${avoidPodsKey}`, index), entry));
}

/** Only a controller can be kept away: pods of nobody have nothing in common. */
function avoidedErrors(at: string, entry: JsonValue): FieldError[] {
  const owner = objectOf(objectOf(entry)['podSignature'])['podController'];
  if (owner === undefined || owner === null) return [required(`${at}.PodSignature`)];
  if (objectOf(owner)['controller'] === true) return [];
  return [invalidValue(`${at}.PodSignature.PodController.Controller`, false, 'must point to a controller')];
}

/** `problem` in the words of Go's decoder. */
function read(text: string, wanted: 'array' | 'object', goType: string): { value?: JsonValue; problem?: string } {
  try {
    const { value } = parseJson(text);
    const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    if (value === null || type === wanted) return { value };
    return { problem: `json: cannot unmarshal ${type} into Go value of type ${goType}` };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

const listOf = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);
const objectOf = (value: JsonValue | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
