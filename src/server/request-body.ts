/**
 * A request's body → a JSON object, from JSON, YAML or protobuf. `readYaml` is how YAML is read where somebody has prepared that
 * (`yaml/yaml-thread.ts`): all else is the same.
 */
import { DecodeError, goWord, type ParsedDocument, parseJson } from '../api/decode.ts';
import { refuseInexact } from '../api/number-literals.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { decodeEnveloped, type ObjectKind } from '../api/protobuf/envelope.ts';
import { openEnvelope } from '../api/protobuf/unknown.ts';
import { badRequest, type StatusError } from '../api/status-error.ts';
import { parseYaml } from '../api/yaml.ts';
import type { Encoding } from './negotiation.ts';
import type { ReadYaml } from './yaml/yaml-thread.ts';

interface Parsed<V extends JsonValue> extends ParsedDocument {
  readonly value: V;
}

export type ObjectDocument = Parsed<JsonObject>;

/** @throws StatusError BadRequest */
export function parseApplyPatch(bytes: Buffer, readYaml: ReadYaml = parseYaml): ParsedDocument {
  return reading(prefixed('error decoding YAML: '), () => readYaml(bytes));
}

/** A patch, which has no type of its own: numbers are checked here. @throws StatusError BadRequest */
export function parsePatch(bytes: Buffer): ParsedDocument {
  return reading(prefixed('error decoding patch: '), () => {
    const document = parseJson(bytes);
    refuseInexact(document.value);
    return document;
  });
}

/** What is answered to a body that cannot be read. */
type Refusal = (why: string) => StatusError;

const prefixed =
  (prefix: string): Refusal =>
  (why) =>
    badRequest(`${prefix}${why}`);

/** Duplicates are looked for later, and only then is read what a repeated key had hidden: that, too, may be broken. */
function reading<V extends JsonValue>(refusal: Refusal, parse: () => Parsed<V>): Parsed<V> {
  const document = refusing(refusal, parse);
  return {
    value: document.value,
    get duplicates() {
      return refusing(refusal, () => document.duplicates);
    },
    ...(document.inOrder && {
      inOrder: (unknown: readonly string[]) => refusing(refusal, () => document.inOrder?.(unknown) ?? unknown),
    }),
  };
}

function refusing<T>(refusal: Refusal, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof DecodeError) throw refusal(error.detail);
    throw error;
  }
}

/**
 * A whole object; null is an empty one. `kind` is what it is where it does not say so itself: protobuf means nothing without
 * its type.
 * @throws StatusError BadRequest
 */
export function parseObjectBody(
  bytes: Buffer,
  encoding: Encoding,
  kind: ObjectKind,
  readYaml: ReadYaml = parseYaml,
): ObjectDocument {
  const refusal = (why: string): StatusError => {
    const said = encoding === 'protobuf' ? kindInEnvelope(bytes) : undefined;
    return said ? cannotBeHandled(said, kind, why) : unrecognized(bytes, kind, why);
  };
  return reading(refusal, () => parseObject(bytes, encoding, kind, readYaml));
}

/** `DeleteOptions`, whose faults upstream tells without a frame. @throws StatusError BadRequest */
export function parseOptionsBody(
  bytes: Buffer,
  encoding: Encoding,
  kind: ObjectKind,
  readYaml: ReadYaml = parseYaml,
): JsonObject {
  return refusing(badRequest, () => parseObject(bytes, encoding, kind, readYaml).value);
}

/** @throws DecodeError */
function parseObject(bytes: Buffer, encoding: Encoding, kind: ObjectKind, readYaml: ReadYaml): ObjectDocument {
  if (encoding === 'protobuf') return { value: decodeEnveloped(bytes, kind), duplicates: [] };
  const document = encoding === 'json' ? parseToInterpret(bytes) : readYaml(bytes);
  if (document.value === null) return { value: {}, duplicates: [] };
  checkKindFields(document.value);
  // Not a copy: duplicates are only looked for when somebody asks.
  return document as ObjectDocument;
}

/** Upstream looks for the kind first, which is where broken JSON shows. */
const interpreting = "couldn't get version/kind; json parse error: ";

function parseToInterpret(bytes: Buffer): ParsedDocument {
  try {
    return parseJson(bytes);
  } catch (error) {
    throw error instanceof DecodeError ? new DecodeError(`${interpreting}${error.detail}`, { cause: error }) : error;
  }
}

const kindStruct =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** @throws DecodeError where the document is no object, or the fields that tell its kind are no text */
function checkKindFields(value: JsonValue): void {
  const cannot = `${interpreting}json: cannot unmarshal`;
  if (!isObject(value)) throw new DecodeError(`${cannot} ${goWord(value)} into Go value of type ${kindStruct}`);
  for (const name of ['apiVersion', 'kind']) {
    const field = value[name] ?? '';
    if (typeof field === 'string') continue;
    throw new DecodeError(`${cannot} ${goWord(field)} into Go struct field .${name} of type string`);
  }
  const { apiVersion } = value;
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) {
    throw new DecodeError(`unexpected GroupVersion string: ${apiVersion}`);
  }
}

/** What the envelope says that it holds; undefined where it is broken itself. */
function kindInEnvelope(bytes: Buffer): Partial<ObjectKind> | undefined {
  try {
    return openEnvelope(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function cannotBeHandled(said: Partial<ObjectKind>, expected: ObjectKind, why: string): StatusError {
  const apiVersion = said.apiVersion || expected.apiVersion;
  const version = JSON.stringify(apiVersion.slice(apiVersion.indexOf('/') + 1));
  const kind = said.kind || expected.kind;
  return badRequest(`${kind} in version ${version} cannot be handled as a ${expected.kind}: ${why}`);
}

function unrecognized(bytes: Buffer, { kind }: ObjectKind, why: string): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(bytes)})`);
}

const summaryBytesMax = 30;

/** The beginning of a body: as text where it looks like JSON, else in hexadecimal digits. */
function summary(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const shown = bytes.toString(bytes[0] === 0x7b ? 'utf8' : 'hex', 0, summaryBytesMax);
  return bytes.length > summaryBytesMax ? `${shown} ...` : shown;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
