/**
 * Pods that do not come through the API: a manifest from a file, read, completed with the defaults and checked as the API would. Nothing is
 * stored and nobody is asked for admission.
 */
import { decodeObject } from '../api/decode.ts';
import type { JsonObject } from '../api/object.ts';
import { builtinSchema } from '../api/schema/load.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { applySchemaDefaults } from '../api/schema-defaults.ts';
import { aggregate } from '../api/selector/requirement.ts';
import { parseYaml } from '../api/yaml.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { setPodDefaults } from './defaults/pod.ts';
import { type Draft, draftOf } from './draft.ts';
import { validateMetadata } from './validation/metadata.ts';
import { validatePod } from './validation/pod.ts';

export interface ReadManifest {
  readonly pod: Pod;
  /** Fields that no pod has, and such; it is used without them. */
  readonly warnings: readonly string[];
}

/**
 * @param text YAML or JSON: one pod
 * @param adapt called with the pod and its defaults, before it is checked
 * @throws Error that says what is wrong
 */
export function readPodManifest(text: string, adapt: (pod: Pod) => Pod): ReadManifest {
  const { value, duplicates } = parseYaml(text);
  const body = checkedKind(value);
  const type = builtinSchema().kind({ group: '', version: 'v1', kind: 'Pod' });
  if (type === undefined) throw new Error('the schema has no kind Pod');
  const { object, unknownFields } = decodeObject(type, body);
  const draft = draftOf({ ...applySchemaDefaults(type, object), apiVersion: 'v1', kind: 'Pod' }) as Draft<Pod>;
  setPodDefaults(draft);
  const pod = deepFreeze(adapt(draft as Pod));
  const errors = [...validateMetadata(pod.metadata ?? {}, { namespaced: true }), ...validatePod(pod)];
  if (errors.length > 0) throw new Error(`invalid pod: ${aggregate(errors)}`);
  return { pod, warnings: [...duplicates, ...unknownFields] };
}

function checkedKind(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it holds no object');
  const { apiVersion, kind } = value as JsonObject;
  if (kind === 'Pod' && apiVersion === 'v1') return value as JsonObject;
  throw new Error(
    `it must hold one Pod of v1, and holds kind ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`,
  );
}
