/** `/scale`: one number of an object, in a shape that autoscalers know (autoscaling/v1 Scale). */
import { applyConfiguration, type OwnershipRequest, type TypedObject, trackUpdate } from '../../api/apply/apply.ts';
import { goQuote, invalidValue } from '../../api/field-error.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import type { Scale } from '../../api/schema/types/autoscaling-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { badRequest, internalError, invalid, notFound } from '../../api/status-error.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { checkConfiguration, decodeApplied } from '../apply.ts';
import { decodeBody } from '../decode-body.ts';
import { draftOf, type ObjectDraft } from '../draft.ts';
import type { Environment } from '../environment.ts';
import { type ManagedFields, ownershipRequest, setManagedFields } from '../managed-fields.ts';
import { partOf } from '../parts.ts';
import { patched } from '../patch.ts';
import type { ObjectResult, PatchType, RequestTarget, WriteOptions } from '../request.ts';
import { keyOf, prepareEntries, type ServedResource, subjectOf, workedOn } from '../served-resource.ts';
import { changeObject, type WantedObject } from '../update.ts';
import { nonNegativeMessage } from '../validation/checks.ts';
import { toParentEntries, toScaleEntries } from './scale-entries.ts';
import { numberAt, type ScalePaths, scalePathsOf, withNumberAt } from './scale-paths.ts';

const expected = { apiVersion: 'autoscaling/v1', kind: 'Scale' } as const;

/** Pure. */
export function scaleOf(object: KubeObject, paths: ScalePaths): Scale {
  const { metadata = {} } = object;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const own = { name, namespace, uid, resourceVersion, creationTimestamp };
  const known = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) as ObjectMeta;
  const replicas = numberAt(object, paths.replicas);
  const selector = paths.selector(object);
  return {
    ...expected,
    metadata: known,
    spec: replicas ? { replicas } : {},
    status: { replicas: numberAt(object, paths.statusReplicas) ?? 0, ...(selector !== '' && { selector }) },
  };
}

export async function getScale(environment: Environment, target: RequestTarget): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const entry = environment.store.get(keyOf(served, target.namespace, target.name));
  if (entry === undefined) throw notFound(subjectOf(served, target.name));
  const due = prepareEntries(served, [entry]);
  if (due !== undefined) await due;
  return asScale(workedOn(served, entry), scalePathsOf(target.resource), []);
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
  const paths = scalePathsOf(target.resource);
  const pathIn = (apiVersion: string): readonly string[] | undefined => {
    const other = environment.served.inVersion(served, apiVersion);
    return other && scalePathsOf(other.info).replicas;
  };
  const next = (current: KubeObject): WantedObject => {
    const entries = current.metadata?.managedFields ?? [];
    const scale = withEntries(shownTo(scaleOf(current, paths), paths, current), toScaleEntries(entries, pathIn));
    const { draft, warnings, tracked } = wanted(scale, request);
    const after = tracked
      ? draft.metadata?.managedFields
      : trackUpdate(typedScale(type, scale), typedScale(type, draft), request);
    checkNumber(paths, draft);
    const changed = withReplicas(served, paths, current, draft);
    setManagedFields(changed, toParentEntries(entries, after ?? [], served.apiVersion, pathIn));
    return { draft: changed, warnings, tracked: true };
  };
  const result = await changeObject(environment, { served, target, part, options, fromCurrent, next });
  return asScale(result.object, paths, result.warnings);
}

const typedScale = (type: MessageType, value: object): TypedObject => ({
  apiVersion: expected.apiVersion,
  type,
  value: value as JsonObject,
});

function withEntries(scale: Scale, entries: ManagedFields): Scale {
  return entries.length === 0 ? scale : { ...scale, metadata: { ...scale.metadata, managedFields: entries } };
}

/** What stands for a number that there has to be and is not, while the request is asked for one: nobody means it. */
const noReplicas = -(2 ** 31);

function shownTo(scale: Scale, { required, replicas }: ScalePaths, current: KubeObject): Scale {
  if (required === undefined || numberAt(current, replicas) !== undefined) return scale;
  return { ...scale, spec: { replicas: noReplicas } };
}

/** A scale without a number has to get one. @throws StatusError BadRequest */
function checkNumber({ required = '' }: ScalePaths, scale: ObjectDraft): void {
  if ((scale['spec'] as Scale['spec'])?.replicas !== noReplicas) return;
  throw badRequest(`the spec replicas field ${goQuote(required)} cannot be empty`);
}

/** @throws StatusError Invalid */
function withReplicas(served: ServedResource, paths: ScalePaths, current: KubeObject, scale: ObjectDraft): ObjectDraft {
  const given = (scale['spec'] as Scale['spec'])?.replicas;
  const replicas = given ?? 0;
  if (paths.required === undefined && replicas < 0) {
    const subject = { group: 'autoscaling', kind: 'Scale', name: current.metadata?.name ?? '' };
    throw invalid(subject, [invalidValue('spec.replicas', replicas, nonNegativeMessage)]);
  }
  const draft = withNumberAt(draftOf(current) as JsonObject, paths.replicas, replicas) as ObjectDraft;
  const metadata = (draft.metadata ??= {});
  const { uid, resourceVersion, name } = scale.metadata ?? {};
  if (uid) metadata.uid = uid;
  if (name) metadata.name = name;
  if (resourceVersion) metadata.resourceVersion = resourceVersion;
  else if (served.strategy.allowUnconditionalUpdate !== false) delete metadata.resourceVersion;
  return draft;
}

/** @throws StatusError InternalError where there is no number, and has to be one */
function asScale(object: KubeObject, paths: ScalePaths, warnings: readonly string[]): ObjectResult {
  if (paths.required !== undefined && numberAt(object, paths.replicas) === undefined) {
    throw internalError(new Error(`the spec replicas field ${goQuote(paths.required)} does not exist`));
  }
  return { object: deepFreeze(scaleOf(object, paths)), created: false, warnings };
}
