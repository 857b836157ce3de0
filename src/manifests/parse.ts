/**
 * The objects in one text of manifests: YAML with any number of documents, or JSON. Lists are taken apart, whatever their kind; each object
 * knows its line. Documents are split at their markers first, so that one that needs the slow YAML reader does not slow down the others.
 */
import { DecodeError } from '../api/decode-error.ts';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { parseYaml, yamlText } from '../api/yaml.ts';
import { ManifestError, type SourceObject } from './source-object.ts';

/** Objects of one text. At it: the file is refused. */
const objectsMax = 100_000;

/** One document's value, and the line where its content begins. */
export interface SourceDocument {
  readonly value: JsonValue;
  readonly line: number;
}

/** All documents that hold something. @throws ManifestError naming `file` and the line */
export function documentsOf(source: Buffer | string, file: string): SourceDocument[] {
  return segmentsOf(yamlText(source)).flatMap(({ text, firstLine }) => {
    const value = valueOf(text, firstLine, file);
    return value === null ? [] : [{ value, line: firstLine + contentOffset(text) }];
  });
}

/** All objects. @throws ManifestError also for what is no object of Kubernetes */
export function objectsOf(source: Buffer | string, file: string): SourceObject[] {
  const objects = documentsOf(source, file).flatMap(({ value, line }) => objectsIn(value, `${file}:${line}`));
  if (objects.length > objectsMax) {
    throw new ManifestError(`${file} holds ${objects.length} objects; at most ${objectsMax} are read from one file`);
  }
  return objects;
}

/** A document's object, or the items of its list. @throws ManifestError */
export function objectsIn(value: JsonValue, from: string): SourceObject[] {
  if (!isRecord(value)) throw new ManifestError(`${from}: an object is expected here, not ${nameOfType(value)}`);
  for (const field of ['apiVersion', 'kind'] as const) {
    const text = value[field];
    if (typeof text === 'string' && text !== '') continue;
    throw new ManifestError(`${from}: ${field} is missing; every manifest names its apiVersion and kind`);
  }
  const object = value as JsonObject & { apiVersion: string; kind: string };
  if (object.kind.endsWith('List') && Array.isArray(object['items'])) return itemsOf(object, from);
  checkMetadata(object, from);
  return [{ object, from }];
}

function itemsOf(list: JsonObject & { apiVersion: string; kind: string }, from: string): SourceObject[] {
  const kind = list.kind.slice(0, -'List'.length);
  const typed = kind === '' ? {} : { apiVersion: list.apiVersion, kind };
  return (list['items'] as JsonValue[]).flatMap((item, index) =>
    objectsIn(isRecord(item) ? { ...typed, ...item } : item, `${from} (item ${index + 1})`),
  );
}

function checkMetadata(object: JsonObject & { kind: string }, from: string): void {
  const { metadata } = object;
  if (metadata === undefined || metadata === null) {
    throw new ManifestError(`${from}: the ${object.kind} has no metadata; at least metadata.name is needed`);
  }
  if (!isRecord(metadata)) throw new ManifestError(`${from}: metadata must be an object, not ${nameOfType(metadata)}`);
  for (const field of ['name', 'namespace', 'generateName']) {
    const value = metadata[field];
    if (value === undefined || value === null || typeof value === 'string') continue;
    throw new ManifestError(
      `${from}: metadata.${field} must be a string, not ${nameOfType(value)}; put it in quotes: "${JSON.stringify(value)}"`,
    );
  }
}

interface Segment {
  readonly text: string;
  /** Counted from 1. */
  readonly firstLine: number;
}

const marker = /^(?:---|\.\.\.)(?=[ \t\r]|$)/;

/** A marker at a line's begin ends a document whatever it stands in; what stands beside it belongs to the next one. */
function segmentsOf(text: string): Segment[] {
  if (!/^(?:---|\.\.\.)/m.test(text)) return [{ text, firstLine: 1 }];
  const segments: Segment[] = [];
  let lines: string[] = [];
  let firstLine = 1;
  const flush = (next: number): void => {
    if (lines.some(hasContent)) segments.push({ text: `${lines.join('\n')}\n`, firstLine });
    firstLine = next;
    lines = [];
  };
  text.split('\n').forEach((line, index) => {
    if (!marker.test(line)) {
      lines.push(line);
      return;
    }
    flush(index + 1);
    lines.push(besideMarker(line));
  });
  flush(0);
  return segments;
}

/** Alone, a marker says nothing more; with something beside it, YAML's reader has to see it. */
const besideMarker = (line: string): string => (/^(?:---|\.\.\.)[ \t\r]*(?:#.*)?$/.test(line) ? '' : line);

const hasContent = (line: string): boolean => /^\s*[^\s#]/.test(line) && !/^%\w/.test(line);

/** Lines before the first that says something. */
function contentOffset(text: string): number {
  const lines = text.split('\n');
  const index = lines.findIndex(hasContent);
  return Math.max(0, index);
}

function valueOf(text: string, firstLine: number, file: string): JsonValue {
  try {
    const { value, duplicates } = parseYaml(text);
    const [repeated] = duplicates;
    if (repeated !== undefined) throw new DecodeError(repeated);
    return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ManifestError(sentenceOf(error.message, firstLine, file), { cause: error });
  }
}

/** The reader counts lines from its document's begin, and speaks of Go's library. */
function sentenceOf(message: string, firstLine: number, file: string): string {
  const text = message
    .replace(/^yaml: unmarshal errors:\s*/, '')
    .replace(/^(?:yaml|json): /, '')
    .trim();
  const found = /\bline (\d+): /.exec(text);
  const line = Number(found?.[1] ?? 1) + firstLine - 1;
  return `${file}:${line}: ${found === null ? text : text.replace(found[0], '')}`;
}

export function isRecord(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function nameOfType(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `the text "${value.slice(0, 40)}"` : `the ${typeof value} ${String(value)}`;
}
