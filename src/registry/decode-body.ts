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
import { yamlErrors } from '../api/yaml.ts';
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

/**
 * `known` is the object that stands there, of the kind expected: what the body shares with it needs no decoding (`decodeObject`).
 * @throws StatusError BadRequest
 */
export function decodeBody(
  expected: ExpectedKind,
  body: JsonObject,
  options: WriteOptions,
  known?: JsonObject,
): DecodedBody {
  checkKind(expected, body);
  const { object, unknownFields } = decodeOrRefuse(expected, body, known);
  const warnings = warningsOrRefusal(complaintsOf(expected, unknownFields, options), options, (text) =>
    badRequest(cannotBeHandled(expected, `strict decoding error: ${text}`)),
  );
  return { draft: draftOfKind(expected, object), warnings };
}

/** The patch that made a document, for what is said of its faults. */
export interface PatchSource {
  readonly patch: unknown;
  /** Told before what decoding finds: faults of the patch itself. */
  readonly complaints?: readonly string[];
  /** The patch stands in the message in Go's form, as upstream shows a strategic merge patch; else the whole document. */
  readonly showsPatch?: boolean;
  readonly options: WriteOptions;
  /** The object that was patched, where what the document shares with it needs no decoding. */
  readonly known?: JsonObject | undefined;
}

/**
 * The document that a patch made. Its faults are the patch's.
 * @throws StatusError Invalid, BadRequest
 */
export function decodePatched(expected: ExpectedKind, document: JsonObject, source: PatchSource): DecodedBody {
  const refusal = (text: string): Error => {
    const shown = source.showsPatch ? goValue(source.patch) : JSON.stringify(document);
    return invalid({ group: '', kind: '', name: '' }, [invalidValue('patch', shown, text)]);
  };
  checkKind(expected, document);
  let decoded: ReturnType<typeof decodeObject>;
  try {
    decoded = decodeObject(expected.type, document, source.known);
  } catch (error) {
    if (error instanceof DecodeError) throw refusal(error.message);
    throw error;
  }
  const complaints = [...(source.complaints ?? []), ...decoded.unknownFields];
  const warnings = warningsOrRefusal(complaints, source.options, (text) => refusal(`strict decoding error: ${text}`));
  return { draft: draftOfKind(expected, decoded.object), warnings };
}

/** As Go prints a value with `%+v`: `map[spec:map[replicas:3]]`. */
export function goValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (value === null || value === undefined) return '<nil>';
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `map[${names.map((name) => `${name}:${goValue((value as Record<string, unknown>)[name])}`).join(' ')}]`;
}

/** What strict validation says of a whole body. Duplicates are looked for only where somebody wants to hear of them. */
function complaintsOf(
  { type }: ExpectedKind,
  unknownFields: readonly string[],
  options: WriteOptions,
): readonly string[] {
  if (options.fieldValidation === 'Ignore') return [];
  // Of custom resources, upstream first reads the whole document, and then looks at its fields.
  const inOneGo = type.declared === undefined;
  if (inOneGo && unknownFields.length > 0 && options.inDocumentOrder) return options.inDocumentOrder(unknownFields);
  return [...(options.duplicateFields ?? []), ...unknownFields];
}

function draftOfKind({ apiVersion, kind, type }: ExpectedKind, object: JsonObject): ObjectDraft {
  const draft: ObjectDraft = { ...applySchemaDefaults(type, object), apiVersion, kind };
  // All else that is frozen is taken apart by those who want to change it; of the metadata the path of every write says something.
  if (draft.metadata !== undefined && Object.isFrozen(draft.metadata)) draft.metadata = { ...draft.metadata };
  return draft;
}

function checkKind(expected: ExpectedKind, body: JsonObject): void {
  if (expected.type.declared !== undefined) checkSaysKind(expected, body);
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

/** A document of a custom resource has to say what it is. */
function checkSaysKind({ kind }: ExpectedKind, body: JsonObject): void {
  const missing = !body['kind'] ? 'Kind' : !body['apiVersion'] ? 'apiVersion' : undefined;
  if (missing === undefined) return;
  const text = JSON.stringify(body);
  const why = `Object '${missing}' is missing in '${cutShort(text, 4096)}' (${cutShort(text, 30)})`;
  throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why}`);
}

function cutShort(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax)} ...` : text;
}

function decodeOrRefuse(
  expected: ExpectedKind,
  body: JsonObject,
  known: JsonObject | undefined,
): ReturnType<typeof decodeObject> {
  try {
    return decodeObject(expected.type, body, known);
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

/** What the client is told. Without a word from it: Warn, as upstream. `refusal` takes all that was found. */
export function warningsOrRefusal(
  complaints: readonly string[],
  { fieldValidation = 'Warn' }: WriteOptions,
  refusal: (text: string) => Error,
): readonly string[] {
  if (complaints.length === 0 || fieldValidation === 'Ignore') return [];
  if (fieldValidation === 'Strict') throw refusal(complaints.join(', '));
  return complaints.flatMap(asWarnings);
}

/** What the YAML library says of a whole document is a warning for each line. */
function asWarnings(complaint: string): string[] {
  if (!complaint.startsWith(yamlErrors)) return [complaint];
  return complaint
    .slice(yamlErrors.length)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
