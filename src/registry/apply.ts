/**
 * Server-side apply: the configuration merged into the current object by who owns which field (`api/apply`), and then the
 * way of any update; of a new object where none is there. On subresources, only of what is there.
 */
import { applyConfiguration } from '../api/apply/apply.ts';
import { DecodeError, decodeObject } from '../api/decode.ts';
import { hasLiterals } from '../api/number-literals.ts';
import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import type { MessageType } from '../api/schema/schema.ts';
import { badRequest, conflict, hasReason } from '../api/status-error.ts';
import { createDecoded } from './create.ts';
import { withConversions } from './custom/conversion-due.ts';
import { decodePatched, type ExpectedKind, warningsOrRefusal } from './decode-body.ts';
import type { ObjectDraft } from './draft.ts';
import type { Environment } from './environment.ts';
import { ownershipRequest, typed } from './managed-fields.ts';
import { checkNames, checkNamesItself } from './metadata.ts';
import type { Part } from './parts.ts';
import type { ObjectResult, RequestTarget, WriteOptions } from './request.ts';
import { keyOf, type ServedResource, subjectOf } from './served-resource.ts';
import { changeObject, type WantedObject } from './update.ts';

/** How often an object may come or go between the look for it and the write. */
const roundsMax = 8;

export async function applyObject(
  environment: Environment,
  target: RequestTarget,
  part: Part,
  configuration: JsonValue,
  options: WriteOptions,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const expected = { apiVersion: served.apiVersion, kind: served.info.kind, type: served.type };
  const applied = checkConfiguration(expected, configuration);
  const next = (current: KubeObject | undefined): WantedObject =>
    appliedTo(environment, served, target, current, applied, options);
  const key = keyOf(served, target.namespace, target.name);
  for (let round = 1; ; round++) {
    const isNew = part.isMain && environment.store.get(key) === undefined;
    try {
      if (isNew) {
        const wanted = await withConversions(() => next(undefined));
        return await createApplied(environment, served, target, wanted, options);
      }
      return await changeObject(environment, { served, target, part, options, fromCurrent: true, next });
    } catch (error) {
      const overtaken = part.isMain && hasReason(error, isNew ? 'AlreadyExists' : 'NotFound');
      if (!overtaken || round === roundsMax || isNew !== (environment.store.get(key) !== undefined)) throw error;
    }
  }
}

async function createApplied(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  wanted: WantedObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const uid = wanted.draft.metadata?.uid;
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(subjectOf(served, target.name), why);
  }
  checkNamesItself(wanted.draft, target);
  checkNames(wanted.draft, target);
  await options.mayCreate?.();
  return createDecoded(environment, served, target, wanted, options);
}

/** The object that the configuration makes of `current`, in the version asked for, with its entries. */
function appliedTo(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  current: KubeObject | undefined,
  applied: JsonObject,
  options: WriteOptions,
): WantedObject {
  const request = { ...ownershipRequest(environment, served, target, options), force: options.force ?? false };
  const live = current && typed(served, current as unknown as JsonObject);
  const merged = applyConfiguration(live, typed(served, applied), request);
  const expected = { apiVersion: served.apiVersion, kind: served.info.kind, type: served.type };
  return { ...decodeApplied(expected, merged, applied, options), tracked: true };
}

/** The merged document as an object. Only of repeated fields there is something to tell: unknown ones were refused. */
export function decodeApplied(
  expected: ExpectedKind,
  merged: JsonObject,
  applied: JsonObject,
  options: WriteOptions,
): { readonly draft: ObjectDraft; readonly warnings: readonly string[] } {
  const { draft } = decodePatched(expected, merged, { patch: applied, options: { fieldValidation: 'Ignore' } });
  const warnings = warningsOrRefusal(options.duplicateFields ?? [], options, (text) =>
    badRequest(`error strict decoding YAML: error converting YAML to JSON: ${text}`),
  );
  return { draft, warnings };
}

/** @throws StatusError BadRequest */
export function checkConfiguration({ apiVersion, kind, type }: ExpectedKind, configuration: JsonValue): JsonObject {
  if (typeof configuration !== 'object' || configuration === null || Array.isArray(configuration)) {
    throw badRequest('error decoding YAML: the applied configuration must be an object');
  }
  const given = textOf(configuration['apiVersion']);
  if (given !== apiVersion) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${given}, expected: ${apiVersion}`,
    );
  }
  const givenKind = textOf(configuration['kind']);
  if (givenKind !== kind) {
    throw badRequest(`the kind of the applied configuration (${givenKind}) does not match the expected kind (${kind})`);
  }
  const metadata = configuration['metadata'];
  const managed = typeof metadata === 'object' && metadata !== null && (metadata as JsonObject)['managedFields'];
  if (managed) throw badRequest('metadata.managedFields must be nil');
  checkNumbers(type, configuration);
  return configuration;
}

/** Merged, a number no longer knows how it was written: what would lose digits is refused before. */
function checkNumbers(type: MessageType, configuration: JsonObject): void {
  if (!hasLiterals(configuration)) return;
  try {
    decodeObject(type, configuration);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`error decoding YAML: ${error.detail}`);
    throw error;
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
