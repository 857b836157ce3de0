/**
 * What an extension server's OpenAPI documents add to this server's, version 2: the paths of its group-version, and the definitions that they
 * lead to. Pure.
 *
 * Kept true: nothing of other paths is taken; a definition that has the name of one of this server's is that one where it is Kubernetes' own,
 * and gets another name where it is not, so that neither changes what the other says.
 */
import type { JsonObject, JsonValue } from '../../api/object.ts';
import type { Content } from '../../api/openapi/documents.ts';
import { encodeOpenApiV2 } from '../../api/openapi/protobuf.ts';
import type { RemoteApi } from './api-service-index.ts';

const prefix = '#/definitions/';
const isKubernetes = /^io\.k8s\.(api|apimachinery)\./;

/** Undefined: there is nothing of this group-version in it, or it cannot be told to clients that want it in protobuf. */
export function contentOf(document: unknown, { group, version }: RemoteApi): Content | undefined {
  const { paths, definitions } = fieldsOf(document);
  const root = `/apis/${group}/${version}/`;
  const own = Object.entries(fieldsOf(paths)).filter(([path]) => `${path}/`.startsWith(root));
  if (own.length === 0) return undefined;
  const content = { paths: Object.fromEntries(own), schemas: reached(own, fieldsOf(definitions)) };
  return isEncodable(content) ? content : undefined;
}

/** Those that `roots` lead to, whatever leads on. */
function reached(roots: JsonValue, definitions: JsonObject): JsonObject {
  const found: Record<string, JsonValue> = {};
  const waiting = [...referencesIn(roots)];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (definition === undefined || Object.hasOwn(found, name)) continue;
    found[name] = definition;
    waiting.push(...referencesIn(definition));
  }
  return found;
}

function* referencesIn(value: JsonValue): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === '$ref' && typeof member === 'string' && member.startsWith(prefix)) yield member.slice(prefix.length);
    else yield* referencesIn(member);
  }
}

function isEncodable({ paths, schemas }: Content): boolean {
  try {
    encodeOpenApiV2({ paths, definitions: schemas });
    return true;
  } catch {
    return false;
  }
}

/** Beside definitions of these names. */
export function besides({ paths, schemas }: Content, names: ReadonlySet<string>): Content {
  const renamed = new Map<string, string>();
  for (const name of Object.keys(schemas))
    if (names.has(name) && !isKubernetes.test(name)) renamed.set(name, `${name}_v2`);
  const kept = Object.entries(schemas).filter(([name]) => !(names.has(name) && isKubernetes.test(name)));
  if (renamed.size === 0) return { paths, schemas: Object.fromEntries(kept) };
  const added = kept.map(([name, schema]) => [renamed.get(name) ?? name, withNames(schema as JsonValue, renamed)]);
  return { paths: withNames(paths as JsonValue, renamed) as JsonObject, schemas: Object.fromEntries(added) };
}

function withNames(value: JsonValue, renamed: ReadonlyMap<string, string>): JsonValue {
  if (Array.isArray(value)) return value.map((each) => withNames(each, renamed));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const name = key === '$ref' && typeof member === 'string' ? renamed.get(member.slice(prefix.length)) : undefined;
      return [key, name === undefined ? withNames(member, renamed) : `${prefix}${name}`];
    }),
  );
}

/** Where its document of version 3 stands; undefined where it has none, or names a place that is none of the API's. */
export function urlIn(index: unknown, { group, version }: RemoteApi): string | undefined {
  const path = `apis/${group}/${version}`;
  const url = fieldsOf(fieldsOf(fieldsOf(index)['paths'])[path])['serverRelativeURL'];
  return typeof url === 'string' && url.startsWith(`/openapi/v3/${path}`) ? url : undefined;
}

function fieldsOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
