/** `/scale`: one number of an object, in a shape that autoscalers know (autoscaling/v1 Scale). */
import { applyConfiguration, type OwnershipRequest, type TypedObject, trackUpdate } from '../../api/apply/apply.ts';
import { invalidValue } from '../../api/field-error.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import type { Scale } from '../../api/schema/types/autoscaling-v1.ts';
import type { LabelSelector, ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher, matchLabels } from '../../api/selector.ts';
import { invalid, notFound } from '../../api/status-error.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { checkConfiguration, decodeApplied } from '../apply.ts';
import { decodeBody } from '../decode-body.ts';
import { draftOf, type ObjectDraft } from '../draft.ts';
import type { Environment } from '../environment.ts';
import { type ManagedFields, ownershipRequest, setManagedFields } from '../managed-fields.ts';
import { partOf } from '../parts.ts';
import { patched } from '../patch.ts';
import type { ObjectResult, PatchType, RequestTarget, WriteOptions } from '../request.ts';
import { keyOf, type ServedResource, subjectOf } from '../served-resource.ts';
import { changeObject, type WantedObject } from '../update.ts';
import { nonNegativeMessage } from '../validation/checks.ts';
import { toParentEntries, toScaleEntries } from './scale-entries.ts';

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
  return changeScale(environment, target, type, options, false, () => ({ ...decoded, draft: draftOf(decoded.draft) }));
}

export async function patchScale(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  patchType: PatchType,
  patch: JsonValue,
  options: WriteOptions,
): Promise<ObjectResult> {
  const kind = { ...expected, type };
  if (patchType === 'application/apply-patch+yaml') {
    const applied = checkConfiguration(kind, patch);
    return changeScale(environment, target, type, options, true, (scale, request) => {
      const force = options.force ?? false;
      const merged = applyConfiguration(typedScale(type, scale), typedScale(type, applied), { ...request, force });
      return { ...decodeApplied(kind, merged, applied, options), tracked: true };
    });
  }
  return changeScale(environment, target, type, options, true, (scale) =>
    patched(kind, scale, patchType, patch, options),
  );
}

/** What the request makes of the scale as it stands. */
type WantedScale = (scale: Scale, request: OwnershipRequest) => WantedObject;

/** The object's own update path does the rest: generation, validation, versions. */
async function changeScale(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  options: WriteOptions,
  fromCurrent: boolean,
  wanted: WantedScale,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const part = partOf('');
  if (part === undefined) throw notFound(subjectOf(served, target.name));
  const request = ownershipRequest(environment, served, target, options);
  const next = (current: KubeObject): WantedObject => {
    const entries = current.metadata?.managedFields ?? [];
    const scale = withEntries(scaleOf(current), toScaleEntries(entries));
    const { draft, warnings, tracked } = wanted(scale, request);
    const after = tracked
      ? draft.metadata?.managedFields
      : trackUpdate(typedScale(type, scale), typedScale(type, draft), request);
    const changed = withReplicas(served, current, draft);
    setManagedFields(changed, toParentEntries(entries, after ?? [], served.apiVersion));
    return { draft: changed, warnings, tracked: true };
  };
  const result = await changeObject(environment, { served, target, part, options, fromCurrent, next });
  return asScale(result.object, result.warnings);
}

const typedScale = (type: MessageType, value: object): TypedObject => ({
  apiVersion: expected.apiVersion,
  type,
  value: value as JsonObject,
});

function withEntries(scale: Scale, entries: ManagedFields): Scale {
  return entries.length === 0 ? scale : { ...scale, metadata: { ...scale.metadata, managedFields: entries } };
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
