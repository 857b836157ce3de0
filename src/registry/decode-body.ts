/**
 * A client's body → a draft of the kind that the URL names, with what strict field validation has to say about it. A body
 * that leaves out `apiVersion` and `kind` means those of the URL.
 */
import { DecodeError, decodeObject } from '../api/decode.ts';
import { invalidValue } from '../api/field-error.ts';
import type { JsonObject } from '../api/object.ts';
import type { MessageType } from '../api/schema/schema.ts';
import { applySchemaDefaults } from '../api/schema-defaults.ts';
import { badRequest, invalid } from '../api/status-error.ts';
import type { ObjectDraft } from './draft.ts';
import type { WriteOptions } from './request.ts';

/** What the body has to be. */
export interface ExpectedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly type: MessageType;
}

export interface DecodedBody {
  readonly draft: ObjectDraft;
  readonly warnings: readonly string[];
}

/** @throws StatusError BadRequest */
export function decodeBody(expected: ExpectedKind, body: JsonObject, options: WriteOptions): DecodedBody {
  checkKind(expected, body);
  const { object, unknownFields } = decodeOrRefuse(expected, body);
  const complaints = [...(options.duplicateFields ?? []), ...unknownFields];
  const warnings = warningsOrRefusal(complaints, options, (text) => badRequest(cannotBeHandled(expected, text)));
  return { draft: draftOfKind(expected, object), warnings };
}

/**
 * The document that a patch made. Its faults are the patch's.
 * @throws StatusError Invalid
 */
export function decodePatched(
  expected: ExpectedKind,
  document: JsonObject,
  patch: unknown,
  options: WriteOptions,
): DecodedBody {
  const refusal = (text: string): Error =>
    invalid({ group: '', kind: '', name: '' }, [invalidValue('patch', JSON.stringify(patch), text)]);
  checkKind(expected, document);
  let decoded: ReturnType<typeof decodeObject>;
  try {
    decoded = decodeObject(expected.type, document);
  } catch (error) {
    if (error instanceof DecodeError) throw refusal(error.message);
    throw error;
  }
  const complaints = [...(options.duplicateFields ?? []), ...decoded.unknownFields];
  const warnings = warningsOrRefusal(complaints, options, refusal);
  return { draft: draftOfKind(expected, decoded.object), warnings };
}

function draftOfKind({ apiVersion, kind, type }: ExpectedKind, object: JsonObject): ObjectDraft {
  return { ...applySchemaDefaults(type, object), apiVersion, kind };
}

function checkKind(expected: ExpectedKind, body: JsonObject): void {
  const apiVersion = body['apiVersion'] || expected.apiVersion;
  const kind = body['kind'] || expected.kind;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw badRequest(`couldn't get version/kind; json parse error: apiVersion and kind must be strings`);
  }
  if (apiVersion !== expected.apiVersion) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected.apiVersion})`,
    );
  }
  if (kind !== expected.kind) {
    const version = versionOf(expected);
    throw badRequest(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: ` +
        `converting (${version}.${kind}) to (${version}.${expected.kind}): unknown conversion`,
    );
  }
}

function decodeOrRefuse(expected: ExpectedKind, body: JsonObject): ReturnType<typeof decodeObject> {
  try {
    return decodeObject(expected.type, body);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(cannotBeHandled(expected, error.message));
    throw error;
  }
}

function cannotBeHandled(expected: ExpectedKind, why: string): string {
  const { kind } = expected;
  return `${kind} in version ${JSON.stringify(versionOf(expected))} cannot be handled as a ${kind}: ${why}`;
}

function versionOf({ apiVersion }: ExpectedKind): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

/** Without a word from the client: Warn, as upstream. */
function warningsOrRefusal(
  complaints: readonly string[],
  { fieldValidation = 'Warn' }: WriteOptions,
  refusal: (text: string) => Error,
): readonly string[] {
  if (complaints.length === 0 || fieldValidation === 'Ignore') return [];
  if (fieldValidation === 'Strict') throw refusal(`strict decoding error: ${complaints.join(', ')}`);
  return complaints;
}
