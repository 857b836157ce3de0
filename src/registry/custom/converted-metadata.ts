/** What a conversion webhook may say of metadata: labels and annotations. All else stays as it was. Pure. */
import { goType } from '../../api/apply/go-text.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import { isObject } from '../../api/patch/json-tree.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { sameJson } from '../draft.ts';
import { validateMetadata } from '../validation/metadata.ts';

const textMaps = ['labels', 'annotations'] as const;

/** A text: what is wrong with the metadata that came back. */
export function withMetadataOf(original: KubeObject, converted: JsonObject): KubeObject | string {
  const { metadata: answered } = converted;
  if (answered === undefined) return 'missing metadata in converted object';
  if (!isObject(answered)) return `invalid metadata of type ${goType(answered)} in converted object`;
  const metadata: Record<string, unknown> = { ...original.metadata };
  for (const field of textMaps) {
    const value = answered[field] ?? null;
    delete metadata[field];
    if (value === null) continue;
    const problem = mapProblem(field, value);
    if (problem !== undefined) return problem;
    metadata[field] = value;
  }
  return ruleProblem(original.metadata ?? {}, metadata) ?? { ...converted, metadata };
}

function mapProblem(field: string, value: JsonValue): string | undefined {
  if (!isObject(value)) return `invalid metadata.${field} of type ${goType(value)} in converted object`;
  const wrong = Object.entries(value).find(([, each]) => typeof each !== 'string');
  if (wrong === undefined) return undefined;
  return `metadata.${field}[${wrong[0]}] must be a string, but is ${goType(wrong[1])} in converted object`;
}

/** Only what the webhook changed has to keep the rules. */
function ruleProblem(before: ObjectMeta, after: ObjectMeta): string | undefined {
  const changed = textMaps.filter((field) => !sameJson(before[field] ?? {}, after[field] ?? {}));
  if (changed.length === 0) return undefined;
  const errors = validateMetadata(after, { namespaced: after.namespace !== undefined, anyFinalizer: true }).filter(
    ({ field }) => changed.some((name) => field?.startsWith(`metadata.${name}`)),
  );
  if (errors.length === 0) return undefined;
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  return texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
}
