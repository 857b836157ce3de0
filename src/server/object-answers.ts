/**
 * Objects, lists and errors → bytes in the form that was negotiated. Stored objects' own bytes are sent as they are wherever
 * the form allows it: JSON, no transformation, no indentation.
 */
import { apiVersionOf, type ResourceInfo } from '../api/resources.ts';
import { internalError, StatusError } from '../api/status-error.ts';
import { stringifyYaml } from '../api/yaml.ts';
import type { ListResult, ObjectResult } from '../registry/request.ts';
import type { Answer } from './answer.ts';
import type { AnswerHeaders } from './http/exchange.ts';
import type { Encoding, Negotiated } from './negotiation.ts';
import { listMetadata, type TableRequest, transformList, transformObject } from './transform.ts';

export interface Form extends Negotiated {
  readonly pretty: boolean;
  readonly table: TableRequest;
}

/** Any JSON value as an answer. */
export function valueAnswer(status: number, value: unknown, form: Pick<Form, 'encoding' | 'pretty'>): Answer {
  return { status, headers: contentType(form.encoding), body: [encode(value, form)] };
}

export function objectAnswer(info: ResourceInfo, result: ObjectResult, form: Form): Answer {
  const status = result.created ? 201 : 200;
  const headers = { ...contentType(form.encoding), ...warningHeaders(result.warnings) };
  if (result.entry !== undefined && sendsStoredBytes(form)) return { status, headers, body: [result.entry.json()] };
  const value = result.object.kind === 'Status' ? result.object : transformObject(info, result.object, form);
  return { status, headers, body: [encode(value, form)] };
}

export function listAnswer(info: ResourceInfo, result: ListResult, form: Form): Answer {
  const headers = contentType(form.encoding);
  // Asking for `objects` would decode what nobody needs decoded.
  if (sendsStoredBytes(form) && isStoredForm(info)) return { status: 200, headers, body: joinEntries(info, result) };
  const value = form.as === undefined ? listObject(info, result) : transformList(info, result, form);
  return { status: 200, headers, body: [encode(value, form)] };
}

export function errorAnswer(error: unknown, form: Pick<Form, 'encoding' | 'pretty'>): Answer {
  const failure = error instanceof StatusError ? error : internalError(error);
  const answer = valueAnswer(failure.code, failure.toStatus(), form);
  const seconds = failure.details?.retryAfterSeconds;
  return seconds ? { ...answer, headers: { ...answer.headers, 'retry-after': String(seconds) } } : answer;
}

function sendsStoredBytes(form: Form): boolean {
  return form.encoding === 'json' && form.as === undefined && !form.pretty;
}

/** Are the stored bytes in the version, and of the group, that was asked for? */
function isStoredForm(info: ResourceInfo): boolean {
  return info.storageVersion === info.version && info.storedAs === undefined;
}

function joinEntries(info: ResourceInfo, result: ListResult): Uint8Array[] {
  const head = { kind: listKind(info), apiVersion: apiVersionOf(info), metadata: listMetadata(result) };
  const body: Uint8Array[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)];
  result.entries.forEach((entry, index) => {
    if (index > 0) body.push(comma);
    body.push(entry.json());
  });
  body.push(listEnd);
  return body;
}

const comma = Buffer.from(',');
const listEnd = Buffer.from(']}\n');

function listObject(info: ResourceInfo, result: ListResult): object {
  return {
    kind: listKind(info),
    apiVersion: apiVersionOf(info),
    metadata: listMetadata(result),
    items: result.objects,
  };
}

function listKind(info: ResourceInfo): string {
  return `${info.kind}List`;
}

const contentTypes: Readonly<Record<Encoding, AnswerHeaders>> = {
  json: { 'content-type': 'application/json' },
  yaml: { 'content-type': 'application/yaml' },
};

function contentType(encoding: Encoding): AnswerHeaders {
  return contentTypes[encoding];
}

function encode(value: unknown, form: Pick<Form, 'encoding' | 'pretty'>): Buffer {
  if (form.encoding === 'yaml') return Buffer.from(stringifyYaml(value as never));
  return Buffer.from(`${form.pretty ? JSON.stringify(value, null, 2) : JSON.stringify(value)}\n`);
}

/** RFC 7234, 5.5, in the form that upstream's clients read: `299 - "text"`. */
export function warningHeaders(warnings: readonly string[]): AnswerHeaders {
  if (warnings.length === 0) return {};
  return { warning: [...new Set(warnings)].map((text) => `299 - "${quotable(text)}"`) };
}

/** Header values hold Latin-1 at most: what is not printable ASCII becomes `?`, line breaks spaces. */
function quotable(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&');
}
