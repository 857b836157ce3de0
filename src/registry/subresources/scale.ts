/** `/scale`: one number of an object, in a shape that autoscalers know (autoscaling/v1 Scale). */
import { invalidValue } from '../../api/field-error.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import type { Scale } from '../../api/schema/types/autoscaling-v1.ts';
import type { LabelSelector, ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher, matchLabels } from '../../api/selector.ts';
import { invalid, notFound } from '../../api/status-error.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { type DecodedBody, decodeBody, decodePatched } from '../decode-body.ts';
import { draftOf, type ObjectDraft } from '../draft.ts';
import type { Environment } from '../environment.ts';
import { partOf } from '../parts.ts';
import { applyPatch, checkPatchType } from '../patch.ts';
import type { ObjectResult, PatchType, RequestTarget, WriteOptions } from '../request.ts';
import { keyOf, type ServedResource, subjectOf } from '../served-resource.ts';
import { changeObject } from '../update.ts';
import { nonNegativeMessage } from '../validation/checks.ts';

/** The fields that Deployment, ReplicaSet, StatefulSet and ReplicationController share. */
interface Scalable extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Readonly<Record<string, string>> };
  readonly status?: { readonly replicas?: number };
}

const expected = { apiVersion: 'autoscaling/v1', kind: 'Scale' } as const;

/** Pure. */
export function scaleOf(object: KubeObject): Scale {
  const { metadata = {}, spec = {}, status = {} } = object as Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const own = { name, namespace, uid, resourceVersion, creationTimestamp };
  const known = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) as ObjectMeta;
  const selector = selectorText(object.kind, spec.selector);
  return {
    ...expected,
    metadata: known,
    spec: spec.replicas ? { replicas: spec.replicas } : {},
    status: { replicas: status.replicas ?? 0, ...(selector !== '' && { selector }) },
  };
}

/** A ReplicationController's selector is a plain map. */
function selectorText(kind: string | undefined, selector: NonNullable<Scalable['spec']>['selector']): string {
  if (selector === undefined) return '';
  if (kind === 'ReplicationController') return matchLabels(selector as Readonly<Record<string, string>>).toString();
  return labelMatcher(selector).toString();
}

export function getScale(environment: Environment, target: RequestTarget): ObjectResult {
  const served = environment.served.of(target.resource);
  const entry = environment.store.get(keyOf(served, target.namespace, target.name));
  if (entry === undefined) throw notFound(subjectOf(served, target.name));
  return asScale(entry.object, []);
}

export async function updateScale(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  body: JsonObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const decoded = decodeBody({ ...expected, type }, body, options);
  return changeScale(environment, target, options, false, () => decoded);
}

export async function patchScale(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  patchType: PatchType,
  patch: JsonValue,
  options: WriteOptions,
): Promise<ObjectResult> {
  checkPatchType(patchType);
  return changeScale(environment, target, options, true, (current) => {
    const document = applyPatch(patchType, scaleOf(current) as unknown as JsonObject, patch, type);
    return decodePatched({ ...expected, type }, document, patch, options);
  });
}

/** The object's own update path does the rest: generation, validation, versions. */
async function changeScale(
  environment: Environment,
  target: RequestTarget,
  options: WriteOptions,
  fromCurrent: boolean,
  wanted: (current: KubeObject) => DecodedBody,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const part = partOf('');
  if (part === undefined) throw notFound(subjectOf(served, target.name));
  const next = (current: KubeObject): DecodedBody => {
    const { draft, warnings } = wanted(current);
    return { draft: withReplicas(served, current, draft), warnings };
  };
  const result = await changeObject(environment, { served, target, part, options, fromCurrent, next });
  return asScale(result.object, result.warnings);
}

/** @throws StatusError Invalid */
function withReplicas(served: ServedResource, current: KubeObject, scale: ObjectDraft): ObjectDraft {
  const replicas = (scale['spec'] as Scale['spec'])?.replicas ?? 0;
  if (replicas < 0) {
    const subject = { group: 'autoscaling', kind: 'Scale', name: current.metadata?.name ?? '' };
    throw invalid(subject, [invalidValue('spec.replicas', replicas, nonNegativeMessage)]);
  }
  const draft = draftOf(current) as ObjectDraft;
  draft['spec'] = { ...(draft['spec'] as object), replicas };
  const metadata = (draft.metadata ??= {});
  const { uid, resourceVersion, name } = scale.metadata ?? {};
  if (uid) metadata.uid = uid;
  if (name) metadata.name = name;
  if (resourceVersion) metadata.resourceVersion = resourceVersion;
  else if (served.strategy.allowUnconditionalUpdate !== false) delete metadata.resourceVersion;
  return draft;
}

function asScale(object: KubeObject, warnings: readonly string[]): ObjectResult {
  return { object: deepFreeze(scaleOf(object)), created: false, warnings };
}
