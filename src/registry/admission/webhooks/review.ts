/**
 * AdmissionReview, v1 and v1beta1: the question that a webhook is sent, and what its answer says. Pure; the errors are upstream's.
 *
 * Nothing that a webhook answers is believed: it is decoded by the schema, and in v1 it has to name the question that it answers.
 */
import { DecodeError, decodeObject } from '../../../api/decode.ts';
import { goQuote } from '../../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import type { AdmissionReview } from '../../../api/schema/types/admission-v1.ts';
import type { Status } from '../../../api/schema/types/meta-v1.ts';
import type { AdmissionAttributes } from '../attributes.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

const group = 'admission.k8s.io';

/** The first of its versions that is known here. @throws Error where there is none */
export function reviewVersionOf(accepted: readonly string[]): ReviewVersion {
  for (const version of accepted) if (version === 'v1' || version === 'v1beta1') return version;
  throw new Error('webhook does not accept known AdmissionReview versions (v1, v1beta1)');
}

/** The same in both versions, but for the name of the version. */
export function reviewOf(attributes: AdmissionAttributes, uid: string, version: ReviewVersion): JsonObject {
  const { kind, resource, subresource, requestKind, requestResource, requestSubResource } = attributes;
  const { name, namespace, operation, object, oldObject, dryRun, options } = attributes;
  return {
    kind: 'AdmissionReview',
    apiVersion: `${group}/${version}`,
    request: {
      uid,
      kind: { ...kind },
      resource: { ...resource },
      ...(subresource !== '' && { subResource: subresource }),
      requestKind: { ...requestKind },
      requestResource: { ...requestResource },
      ...(requestSubResource !== '' && { requestSubResource }),
      ...(name !== '' && { name }),
      ...(namespace !== '' && { namespace }),
      operation,
      userInfo: userOf(attributes),
      object: (object ?? null) as JsonValue,
      oldObject: (oldObject ?? null) as JsonValue,
      dryRun,
      options: options ?? null,
    },
  };
}

function userOf({ user }: AdmissionAttributes): JsonObject {
  const { name, uid, groups, extra } = user;
  return {
    ...(name !== '' && { username: name }),
    ...(uid && { uid }),
    ...(groups.length > 0 && { groups: [...groups] }),
    ...(extra && Object.keys(extra).length > 0 && { extra: extra as unknown as JsonObject }),
  };
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  /** Why not. */
  readonly status: Status | undefined;
  /** As text; empty: nothing is changed. */
  readonly patch: string;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** An answer that cannot be read, and one that can and says nothing that holds. */
export class UnreadableAnswer extends Error {}
export class WrongAnswer extends Error {}

/** @throws UnreadableAnswer, WrongAnswer */
export function answerOf(
  body: JsonObject,
  { uid, version, mutates }: { readonly uid: string; readonly version: ReviewVersion; readonly mutates: boolean },
): ReviewAnswer {
  const { apiVersion, kind, response } = decoded(body, version);
  if (response === undefined) throw new WrongAnswer('webhook response was absent');
  if (version === 'v1') {
    if (response.uid !== uid) {
      throw new WrongAnswer(`expected response.uid=${goQuote(uid)}, got ${goQuote(response.uid ?? '')}`);
    }
    if (apiVersion !== `${group}/v1` || kind !== 'AdmissionReview') {
      throw new WrongAnswer(
        `expected webhook response of ${group}/v1, Kind=AdmissionReview, got ${kindText(apiVersion, kind)}`,
      );
    }
  }
  const { allowed, status, warnings = [], auditAnnotations = {} } = response;
  const { patch, patchType } = patchOf(response, version, mutates);
  return {
    allowed: allowed ?? false,
    status,
    patch: textOf(patch),
    patchType,
    warnings,
    annotations: auditAnnotations,
  };
}

type Answered = NonNullable<AdmissionReview['response']>;

function decoded(body: JsonObject, version: ReviewVersion): AdmissionReview {
  const type = builtinSchema().kind({ group, version, kind: 'AdmissionReview' });
  if (type === undefined) throw new UnreadableAnswer(`AdmissionReview ${version} is not known`);
  const { apiVersion = '', kind = '' } = body;
  const isOther = apiVersion !== `${group}/${version}` || kind !== 'AdmissionReview';
  // An object of another kind is no answer, whatever it holds.
  if (apiVersion !== '' && kind !== '' && isOther) return {};
  try {
    return decodeObject(type, body).object;
  } catch (error) {
    if (error instanceof DecodeError) throw new UnreadableAnswer(error.message);
    throw error;
  }
}

/** As Go prints a GroupVersionKind. */
function kindText(apiVersion = '', kind = ''): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

interface Patch {
  readonly patch: string;
  readonly patchType: string;
}

function patchOf({ patch = '', patchType }: Answered, version: ReviewVersion, mutates: boolean): Patch {
  if (version === 'v1beta1') {
    return mutates && patch !== '' ? { patch, patchType: 'JSONPatch' } : { patch: '', patchType: '' };
  }
  const refuse = (why: string): Error => new WrongAnswer(why);
  if (!mutates) {
    if (patch !== '') throw refuse('validating webhook may not return response.patch');
    if (patchType !== undefined) throw refuse('validating webhook may not return response.patchType');
    return { patch: '', patchType: '' };
  }
  if (patch !== '' && patchType === undefined) {
    throw refuse('webhook returned response.patch but not response.patchType');
  }
  if (patch === '' && patchType !== undefined) {
    throw refuse('webhook returned response.patchType but not response.patch');
  }
  if (patchType === '') throw refuse('webhook returned invalid response.patchType of ""');
  return { patch, patchType: patchType ?? '' };
}

function textOf(patch: string): string {
  return Buffer.from(patch, 'base64').toString('utf8');
}
