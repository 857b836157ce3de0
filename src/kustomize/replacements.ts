/** Replacements: a value of one object, put into fields of others. Field paths are `spec.template.spec.containers.[name=web].image`. */
import type { JsonObject, JsonValue } from '../api/object.ts';
import { deepCopy, setKey } from '../api/patch/json-tree.ts';
import { isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { FieldOptions, Replacement, Selector } from './kustomization.ts';
import type { Id, Resource } from './resource.ts';
import { selects } from './select.ts';

/** @throws ManifestError */
export function replace(resources: readonly Resource[], replacement: Replacement, where: string): void {
  const { targets } = replacement;
  if (targets === undefined) throw new ManifestError(`${where}: a replacement needs targets`);
  const value = sourceOf(resources, replacement, where);
  for (const target of targets) {
    if (target.select === undefined)
      throw new ManifestError(`${where}: a target needs select, which says what it is for`);
    const isSelected = selects(target.select, `${where}, select`);
    const rejects = (target.reject ?? []).map((selector) => selects(selector, `${where}, reject`));
    for (const resource of resources) {
      if (!isSelected(resource) || rejects.some((isRejected) => isRejected(resource))) continue;
      for (const path of target.fieldPaths ?? ['metadata.name'])
        put(resource, path, value, target.options ?? {}, where);
    }
  }
}

function sourceOf(resources: readonly Resource[], { source, sourceValue }: Replacement, where: string): JsonValue {
  if (sourceValue !== undefined) return sourceValue;
  if (source === undefined) throw new ManifestError(`${where}: a replacement needs a source`);
  const found = resources.filter((resource) => resource.ids.some((id) => isExactly(id, source)));
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new ManifestError(
      `${where}: the source ${JSON.stringify(source)} is ${found.length > 1 ? 'several objects' : 'no object'} of the resources`,
    );
  }
  const path = source.fieldPath ?? 'metadata.name';
  const holders = placesAt(first.object, segmentsOf(path), false);
  const place = holders[0];
  const value = place === undefined ? undefined : read(place);
  if (value === undefined || value === null) {
    throw new ManifestError(`${where}: the source has no field ${path} (${first.from})`);
  }
  return refined(value, source.options, where);
}

const isExactly = (id: Id, selector: Selector): boolean =>
  (['group', 'version', 'kind', 'name', 'namespace'] as const).every(
    (field) => !selector[field] || selector[field] === id[field],
  );

/** One part of a text, where the options say how it is divided. */
function refined(value: JsonValue, options: FieldOptions | undefined, where: string): JsonValue {
  if (!options?.delimiter) return value;
  const parts = scalarText(value, where).split(options.delimiter);
  const part = parts[options.index ?? 0];
  if (part === undefined) {
    throw new ManifestError(
      `${where}: ${JSON.stringify(value)} has no part ${options.index} when it is divided at "${options.delimiter}"`,
    );
  }
  return part;
}

function scalarText(value: JsonValue | undefined, where: string): string {
  if (typeof value === 'object') throw new ManifestError(`${where}: delimiter is for texts only`);
  return String(value ?? '');
}

function put(resource: Resource, path: string, value: JsonValue, options: FieldOptions, where: string): void {
  const places = placesAt(resource.object, segmentsOf(path), options.create === true);
  const existing = places.filter((place) => options.create === true || read(place) !== undefined);
  if (existing.length === 0) {
    throw new ManifestError(
      `${where}: the target has no field ${path} (${resource.from}); options: {create: true} makes it`,
    );
  }
  const touchesName = /^metadata\.name(?:space)?$/.test(path);
  if (touchesName) resource.remember();
  for (const place of existing) write(place, divided(read(place), value, options, where));
}

function divided(
  current: JsonValue | undefined,
  value: JsonValue,
  { delimiter, index = 0 }: FieldOptions,
  where: string,
): JsonValue {
  if (!delimiter) return sameType(current, deepCopy(value));
  const parts = scalarText(current, where).split(delimiter);
  const part = scalarText(value, where);
  if (index < 0) parts.unshift(part);
  else if (index >= parts.length) parts.push(part);
  else parts[index] = part;
  return parts.join(delimiter);
}

/** A text stays a text and a number a number, where the new value can be one. */
function sameType(current: JsonValue | undefined, value: JsonValue): JsonValue {
  if (typeof current === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  if (typeof current === 'number' && typeof value === 'string' && /^-?\d+$/.test(value)) return Number(value);
  return value;
}

type Place =
  | { readonly holder: JsonObject; readonly key: string }
  | { readonly list: JsonValue[]; readonly index: number };

const read = (place: Place): JsonValue | undefined =>
  'list' in place
    ? place.list[place.index]
    : Object.hasOwn(place.holder, place.key)
      ? place.holder[place.key]
      : undefined;

function write(place: Place, value: JsonValue): void {
  if ('list' in place) place.list[place.index] = value;
  else setKey(place.holder, place.key, value);
}

/** All places that a path leads to; with `create`, objects on the way are made. */
function placesAt(value: JsonValue, segments: readonly string[], create: boolean): Place[] {
  const [segment = '', ...rest] = segments;
  return stepsFrom(value, segment, create).flatMap((place) => {
    if (rest.length === 0) return [place];
    let child = read(place);
    if ((child === undefined || child === null) && create) write(place, (child = isElement(rest[0] ?? '') ? [] : {}));
    return child === undefined || child === null ? [] : placesAt(child, rest, create);
  });
}

const isElement = (segment: string): boolean => /^\[.*\]$|^-$/.test(segment);

function stepsFrom(value: JsonValue, segment: string, create: boolean): Place[] {
  if (!Array.isArray(value)) {
    if (!isRecord(value)) return [];
    if (segment === '*') return Object.keys(value).map((key) => ({ holder: value, key }));
    return isElement(segment) ? [] : [{ holder: value, key: segment }];
  }
  const every = (holds: (item: JsonValue) => boolean): Place[] =>
    value.flatMap((item, index) => (holds(item) ? [{ list: value, index }] : []));
  if (segment === '*') return every(() => true);
  if (segment === '-') return [{ list: value, index: create ? value.length : value.length - 1 }];
  if (/^\d+$/.test(segment)) return [{ list: value, index: Number(segment) }];
  const [, key = '', wanted = ''] = /^\[([^=]*)=(.*)\]$/.exec(segment) ?? [];
  const found = every((item) => isText(key === '' ? item : isRecord(item) ? item[key] : undefined, wanted));
  if (found.length > 0 || !create || key === '') return found;
  value.push({ [key]: wanted });
  return [{ list: value, index: value.length - 1 }];
}

const isText = (value: JsonValue | undefined, wanted: string): boolean =>
  typeof value !== 'object' && value !== undefined && String(value) === wanted;

/** At dots, but not inside of brackets, nor where a backslash stands before. */
function segmentsOf(path: string): string[] {
  const found = path.match(/(?:\[[^\]]*\]|\\.|[^.\\[])+/g) ?? [];
  return found.map((segment) => segment.replaceAll('\\.', '.'));
}
