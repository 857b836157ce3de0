/** `metadata.managedFields` read and written: who owns what, in which version, since when. */
import type { JsonObject, JsonValue } from '../object.ts';
import type { ManagedFieldsEntry } from '../schema/types/meta-v1.ts';
import { FieldSet } from './field-set.ts';
import { compareText, FieldsError } from './path-element.ts';

/** What tells managers apart. An applier is the same in every version of the API. */
export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
}

export interface Managed extends ManagerIdentity {
  readonly set: FieldSet;
  /** Absent where it applied what was there already. */
  readonly time?: string;
  /** The entry from which it was read: written back as it was while nothing changes; its tree, while the set is the same. */
  readonly entry?: ManagedFieldsEntry;
}

/** By `managerKey`. */
export type Managers = ReadonlyMap<string, Managed>;

/** Upstream's identifier: its order decides in messages and when managers are capped. */
export function managerKey({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  const who = manager === '' ? '' : `"manager":${quoted(manager)},`;
  const version = operation === 'Update' ? `,"apiVersion":${quoted(apiVersion)}` : '';
  const part = subresource === '' ? '' : `,"subresource":${quoted(subresource)}`;
  return `{${who}"operation":"${operation}"${version}${part}}`;
}

/** JSON of a text of which nothing is escaped is made in no time, and each write asks for a handful of keys. */
const plainText = /^[\w .:/-]*$/;
const quoted = (text: string): string => (plainText.test(text) ? `"${text}"` : JSON.stringify(text));

export function managersOf(all: Iterable<Managed>): Managers {
  const managers = new Map<string, Managed>();
  for (const managed of all) managers.set(managerKey(managed), managed);
  return managers;
}

/**
 * Two entries of one manager are one: the last counts.
 * @throws FieldsError
 */
export function decodeManagedFields(entries: unknown): Managers {
  if (entries === undefined || entries === null) return new Map();
  if (!Array.isArray(entries)) throw new FieldsError('managedFields is not a list');
  return managersOf(entries.map(decodeEntry));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function decodeEntry(json: unknown, index: number): Managed {
  const entry = (typeof json === 'object' && json !== null ? json : {}) as ManagedFieldsEntry;
  const { operation } = entry;
  if (operation !== 'Apply' && operation !== 'Update') throw new FieldsError('operation must be `Apply` or `Update`');
  const apiVersion = text(entry.apiVersion);
  if (apiVersion === '') throw new FieldsError('apiVersion must not be empty');
  checkFieldsType(text(entry.fieldsType), index);
  return {
    manager: text(entry.manager),
    operation,
    apiVersion,
    subresource: text(entry.subresource),
    set: decodeFields(entry.fieldsV1),
    ...(typeof entry.time === 'string' && { time: entry.time }),
    entry,
  };
}

function checkFieldsType(fieldsType: string, index: number): void {
  if (fieldsType === 'FieldsV1') return;
  throw new FieldsError(
    fieldsType === ''
      ? `missing fieldsType in managed fields entry ${index}`
      : `invalid fieldsType "${fieldsType}" in managed fields entry ${index}`,
  );
}

/** Stored objects are frozen, deeply, and one is read again with every write of its successor. */
const decoded = new WeakMap<object, FieldSet>();

function decodeFields(fields: unknown): FieldSet {
  if (typeof fields !== 'object' || fields === null) return FieldSet.fromFieldsV1(fields ?? {});
  let set = decoded.get(fields);
  if (!set) {
    set = FieldSet.fromFieldsV1(fields);
    if (Object.isFrozen(fields)) decoded.set(fields, set);
  }
  return set;
}

/** In upstream's order: appliers first, then by age, name, version. */
export function encodeManagedFields(managers: Managers): readonly ManagedFieldsEntry[] {
  return [...managers.values()].sort(compareManaged).map(encodeEntry);
}

function encodeEntry({ manager, operation, apiVersion, subresource, set, time, entry }: Managed): ManagedFieldsEntry {
  const known = entry?.fieldsV1 && set === decoded.get(entry.fieldsV1) ? entry.fieldsV1 : undefined;
  const isSame = entry && entry.apiVersion === apiVersion && entry.time === time && entry.operation === operation;
  if (isSame && known !== undefined) return entry;
  return {
    ...(manager !== '' && { manager }),
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: known ?? set.toFieldsV1(),
    ...(subresource !== '' && { subresource }),
  };
}

function compareManaged(a: Managed, b: Managed): number {
  return (
    compareText(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

/** Since 1970; no time is the oldest. */
export function secondsOf({ time }: Managed): number {
  const ms = time === undefined ? 0 : Date.parse(time);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}

/** True where the client empties the list, or leaves one empty entry: nothing is tracked from here on. */
export function isReset(entries: JsonValue | undefined): boolean {
  if (!Array.isArray(entries)) return false;
  if (entries.length === 0) return true;
  const [entry] = entries;
  return entries.length === 1 && typeof entry === 'object' && entry !== null && isBlank(entry as JsonObject);
}

const isBlank = (entry: JsonObject): boolean => Object.values(entry).every((value) => value === '' || value === null);

/** The same managers with the same fields; since when is not asked. */
export function sameManagers(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  return a.length === b.length && a.every((entry, i) => entry === b[i] || sameEntry(entry, b[i]));
}

function sameEntry(a: ManagedFieldsEntry, b: ManagedFieldsEntry | undefined): boolean {
  if (!b || managerKey(identityOf(a)) !== managerKey(identityOf(b)) || a.apiVersion !== b.apiVersion) return false;
  return decodeFields(a.fieldsV1).equals(decodeFields(b.fieldsV1));
}

const identityOf = (entry: ManagedFieldsEntry): ManagerIdentity => ({
  manager: text(entry.manager),
  operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
  apiVersion: text(entry.apiVersion),
  subresource: text(entry.subresource),
});
