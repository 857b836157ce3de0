/**
 * What was accepted can be read: in JSON, in YAML, in protobuf, each the same object; it is what decoding and encoding it again makes
 * of it; and the API takes it back unchanged.
 */
import { isDeepStrictEqual } from 'node:util';
import { decodeObject } from '../../src/api/decode.ts';
import { normalizeObject } from '../../src/api/normalize.ts';
import type { JsonObject } from '../../src/api/object.ts';
import { protobufType } from '../../src/api/protobuf/envelope.ts';
import type { ResourceInfo } from '../../src/api/resources.ts';
import { isVerdict } from './make/extensions.ts';
import { objectPath } from './make/paths.ts';
import type { FuzzRequest } from './make/request.ts';
import { kindOf } from './make/valid-objects.ts';
import { readObject } from './oracle.ts';
import type { Received } from './send/answer.ts';

type Send = (request: FuzzRequest) => Promise<Received>;

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly resourceVersion?: string;
}

const metadataOf = (object: JsonObject): Metadata => object['metadata'] as unknown as Metadata;

/** The object that a write was answered with; undefined where it is none that was stored. */
export function storedObject({ resource, path, method }: FuzzRequest, received: Received): JsonObject | undefined {
  const isWrite = method === 'POST' || method === 'PUT' || method === 'PATCH';
  if (resource === undefined || !isWrite || received.status >= 300 || !resource.verbs.includes('get')) return undefined;
  if (/dryRun/.test(path) || received.headers['content-type'] !== 'application/json') return undefined;
  const object = JSON.parse(received.body.toString()) as JsonObject;
  return object['kind'] === resource.kind && metadataOf(object).resourceVersion !== undefined ? object : undefined;
}

/** The first thing that is wrong; undefined where nothing is, or others changed the object meanwhile. */
export async function readBackFault(send: Send, from: FuzzRequest, stored: JsonObject): Promise<string | undefined> {
  const resource = from.resource as ResourceInfo;
  const { name, namespace = '' } = metadataOf(stored);
  const path = objectPath(resource, { name: encodeURIComponent(name), namespace });
  const request = (method: string, accept: string, body?: Buffer): FuzzRequest => ({
    index: from.index,
    family: 'read-back',
    user: 'admin',
    transport: 'http2',
    method,
    path,
    headers: { accept, ...(body && { 'content-type': 'application/json' }) },
    body,
  });
  const type = protobufType(kindOf(resource));
  const types = ['application/json', 'application/yaml', ...(type ? ['application/vnd.kubernetes.protobuf'] : [])];
  const answers = await Promise.all(types.map((accept) => send(request('GET', accept))));
  if (answers.some(({ status }) => status === 404)) return undefined;
  const bad = answers.findIndex(({ status }) => status !== 200);
  if (bad >= 0) return `reading it as ${types[bad]}: status ${answers[bad]?.status}`;
  const objects = answers.map(({ body }, index) => readObject(types[index] as string, body));
  const [json] = objects as [JsonObject];
  if (new Set(objects.map((object) => metadataOf(object).resourceVersion)).size > 1) return undefined;
  if (type !== undefined) {
    const fault = differs(objects.map((object, index) => normal(type, object, index)));
    if (fault !== undefined) return fault;
  }
  const { status, body } = await send(request('PUT', 'application/json', Buffer.from(JSON.stringify(json))));
  const isTaken = [200, 404, 409].includes(status) || !resource.verbs.includes('update') || isVerdict(body.toString());
  return isTaken ? undefined : `putting it back: ${status} ${body.toString().slice(0, 600)}`;
}

function normal(type: NonNullable<ReturnType<typeof protobufType>>, object: JsonObject, index: number): JsonObject {
  const decoded = decodeObject(type, object);
  const again = normalizeObject(type, decoded.object);
  const isSame = index > 0 || isDeepStrictEqual(plain(again), plain(object));
  if (decoded.unknownFields.length > 0) return { unknown: [...decoded.unknownFields] };
  return isSame ? again : { 'decoded and encoded': again };
}

const plain = (object: JsonObject): unknown => JSON.parse(JSON.stringify(object));

function differs(objects: readonly JsonObject[]): string | undefined {
  const [first, ...others] = objects.map(plain);
  const other = others.find((each: unknown) => !isDeepStrictEqual(each, first));
  if (other === undefined) return undefined;
  return `two forms of it differ: ${JSON.stringify(first).slice(0, 1_500)}\n  and ${JSON.stringify(other).slice(0, 1_500)}`;
}
