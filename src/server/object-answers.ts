/**
 * Objects, lists and errors → bytes in the form that was negotiated. Stored objects' own bytes are sent as they are wherever
 * the form allows it: JSON or protobuf, no transformation, no indentation.
 */
import type { KubeObject } from '../api/object.ts';
import { encodeEnveloped, envelop, protobufMediaType, protobufType } from '../api/protobuf/envelope.ts';
import { joinList } from '../api/protobuf/list.ts';
import { apiVersionOf, type ResourceInfo } from '../api/resources.ts';
import { internalError, StatusError } from '../api/status-error.ts';
import { stringifyYaml } from '../api/yaml.ts';
import { limits } from '../lib/limits.ts';
import type { ListResult, ObjectResult } from '../registry/request.ts';
import type { Entry } from '../store/store.ts';
import type { Answer } from './answer.ts';
import type { AnswerHeaders } from './http/exchange.ts';
import type { Encoding, Negotiated, TextEncoding } from './negotiation.ts';
import { kindOf, storedMessage } from './stored-protobuf.ts';
import { listMetadata, type TableRequest, transformList, transformObject } from './transform.ts';

export interface Form extends Negotiated {
  readonly table: TableRequest;
}

/** Any JSON value as an answer. What has no form in protobuf comes as JSON. */
export function valueAnswer(status: number, value: object, form: Pick<Form, 'encoding' | 'pretty'>): Answer {
  const protobuf = form.encoding === 'protobuf' ? encodeEnveloped(value) : undefined;
  if (protobuf !== undefined) return { status, headers: contentTypes.protobuf, body: [protobuf] };
  const encoding = form.encoding === 'yaml' ? 'yaml' : 'json';
  return { status, headers: contentTypes[encoding], body: [encodeText(value, encoding, form.pretty)] };
}

export function objectAnswer(info: ResourceInfo, result: ObjectResult, form: Form): Answer {
  const status = result.created ? 201 : result.accepted ? 202 : 200;
  const answer =
    result.entry !== undefined && sendsStoredBytes(form)
      ? { status, headers: contentTypes[form.encoding], body: storedBytes(result.entry, form) }
      : valueAnswer(status, shownObject(info, result, form), form);
  return { ...answer, headers: { ...answer.headers, ...warningHeaders(result.warnings) } };
}

function shownObject(info: ResourceInfo, { object }: ObjectResult, form: Form): object {
  return object.kind === 'Status' ? object : transformObject(info, object, form);
}

export function listAnswer(info: ResourceInfo, result: ListResult, form: Form): Answer {
  const answer = plainListAnswer(info, result, form);
  if (!result.warnings?.length) return answer;
  return { ...answer, headers: { ...answer.headers, ...warningHeaders(result.warnings) } };
}

function plainListAnswer(info: ResourceInfo, result: ListResult, form: Form): Answer {
  // Asking for `objects` would decode what nobody needs decoded.
  const body = sendsStoredBytes(form) && result.areEntriesShown ? joinStored(info, result, form) : undefined;
  if (body !== undefined) return { status: 200, headers: contentTypes[form.encoding], body };
  const value = form.as === undefined ? listObject(info, result) : transformList(info, result, form);
  return valueAnswer(200, value, form);
}

export function errorAnswer(error: unknown, form: Pick<Form, 'encoding' | 'pretty'>): Answer {
  const failure = error instanceof StatusError ? error : internalError(error);
  const answer = valueAnswer(failure.code, failure.toStatus(), form);
  const seconds = failure.details?.retryAfterSeconds;
  const more = { ...warningHeaders(failure.warnings), ...(seconds && { 'retry-after': String(seconds) }) };
  return { ...answer, headers: { ...answer.headers, ...more } };
}

function sendsStoredBytes({ encoding, as, pretty }: Form): boolean {
  return as === undefined && (encoding === 'protobuf' || (encoding === 'json' && !pretty));
}

function storedBytes(entry: Entry, { encoding }: Form): Uint8Array[] {
  if (encoding !== 'protobuf') return [entry.json(), lineEnd];
  const { message } = storedMessage(entry);
  const { head, tail } = envelop(kindOf(entry.object), message.length);
  return [head, message, tail];
}

function joinStored(info: ResourceInfo, result: ListResult, { encoding }: Form): Uint8Array[] | undefined {
  if (encoding !== 'protobuf') return joinEntries(info, result);
  const kind = { kind: listKind(info), apiVersion: apiVersionOf(info) };
  return joinList(kind, listMetadata(result), result.entries.map(storedMessage));
}

function joinEntries(info: ResourceInfo, result: ListResult): Uint8Array[] {
  const head = { kind: listKind(info), apiVersion: apiVersionOf(info), metadata: listMetadata(result) };
  const body: Uint8Array[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)];
  const ownKind = isTypedList(info) ? kindBytes(info) : nothing;
  result.entries.forEach((entry, index) => {
    body.push(index > 0 ? nextItem : firstItem, itemBytes(entry.json(), ownKind));
  });
  body.push(listEnd);
  return body;
}

const firstItem = Buffer.from('{');
const nextItem = Buffer.from(',{');
/** Upstream ends each JSON answer with one. */
const lineEnd = Buffer.from('\n');
const listEnd = Buffer.from(']}\n');
const nothing = Buffer.from('');

/** Upstream's lists have one type for all items, which do not say it again; those of custom resources have none. */
function isTypedList(info: ResourceInfo): boolean {
  return protobufType({ kind: info.kind, apiVersion: apiVersionOf(info) }) !== undefined;
}

/** How the stored JSON of every object of the kind goes on behind its first brace. */
function kindBytes(info: ResourceInfo): Buffer {
  return Buffer.from(`"kind":${JSON.stringify(info.kind)},"apiVersion":${JSON.stringify(apiVersionOf(info))},`);
}

/** An object's JSON behind its first brace, without what a typed list leaves out. */
function itemBytes(json: Buffer, ownKind: Buffer): Uint8Array {
  const end = 1 + ownKind.length;
  return json.subarray(json.compare(ownKind, 0, ownKind.length, 1, end) === 0 ? end : 1);
}

function listObject(info: ResourceInfo, result: ListResult): object {
  return {
    kind: listKind(info),
    apiVersion: apiVersionOf(info),
    metadata: listMetadata(result),
    items: isTypedList(info) ? result.objects.map(withoutKind) : result.objects,
  };
}

function withoutKind({ kind: _kind, apiVersion: _apiVersion, ...item }: KubeObject): object {
  return item;
}

function listKind(info: ResourceInfo): string {
  return `${info.kind}List`;
}

const contentTypes: Readonly<Record<Encoding, AnswerHeaders>> = {
  json: { 'content-type': 'application/json' },
  yaml: { 'content-type': 'application/yaml' },
  protobuf: { 'content-type': protobufMediaType },
};

/** As upstream: YAML has its keys in alphabetical order, and indented JSON has no line break at its end. */
function encodeText(value: object, encoding: TextEncoding, pretty: boolean): Buffer {
  if (encoding === 'yaml') return Buffer.from(stringifyYaml(value, { sortKeys: true }));
  return Buffer.from(pretty ? JSON.stringify(value, null, 2) : `${JSON.stringify(value)}\n`);
}

/** RFC 7234, 5.5, in the form that upstream's clients read: `299 - "text"`. */
export function warningHeaders(warnings: readonly string[]): AnswerHeaders {
  if (warnings.length === 0) return {};
  return { warning: fitting([...new Set(warnings)]).map((text) => `299 - "${quotable(text)}"`) };
}

/** All as they are where that is not too much for headers; else the beginning of each, as many as there is room for. */
function fitting(warnings: readonly string[]): readonly string[] {
  const most = limits.warningCharactersMax;
  if (warnings.reduce((sum, { length }) => sum + length, 0) <= most) return warnings;
  let characters = 0;
  const cut = warnings.map((text) => text.slice(0, limits.cutWarningCharactersMax));
  return cut.filter(({ length }) => {
    const hasRoom = characters < most;
    characters += length;
    return hasRoom;
  });
}

/** Header values hold Latin-1 at most: what is not printable ASCII becomes `?`, line breaks spaces. */
function quotable(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&');
}
