/**
 * A URL's query → options with types, and what upstream says to bad values. Pure. Selectors stay as the client wrote them: the
 * registry reads them.
 */
import { forbiddenField, goQuote, notSupported, required } from '../api/field-error.ts';
import { badRequest, type FieldError, invalid } from '../api/status-error.ts';
import type { FieldValidation, ListOptions, WatchRequestOptions, WriteOptions } from '../registry/request.ts';
import { dryRunErrors } from '../registry/validation/delete-options.ts';
import { fieldManagerBytesMax, fieldManagerErrors, unprintable } from '../registry/validation/field-manager.ts';

/** As Go's API machinery reads it: present means true, save for `false` and `0`. */
export function booleanOf(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  return text === null ? undefined : text.toLowerCase() !== 'false' && text !== '0';
}

const int64DigitsMax = 19;

/** A whole number of 64 bits; upstream's words for what is none. */
export function integerOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^[+-]?[0-9]+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  // A million digits would take BigInt a while.
  const value = text.replace(/^[+-]?0*/, '').length > int64DigitsMax ? undefined : BigInt(text.replace(/^\+/, ''));
  if (value === undefined || value !== BigInt.asIntN(64, value)) {
    throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`);
  }
  return Number(value);
}

function textOf(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  return text === null || text === '' ? undefined : text;
}

function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind, name: '' }, errors);
}

const noOptions: ListOptions = Object.freeze({});

/** For `list` and `deletecollection`. @throws StatusError BadRequest, Invalid */
export function listOptions(query: URLSearchParams): ListOptions {
  if (query.size === 0) return noOptions;
  const options = commonListOptions(query);
  refuse('ListOptions', listErrors(options, query));
  return options;
}

/** @throws StatusError BadRequest, Invalid */
export function watchOptions(query: URLSearchParams): WatchRequestOptions {
  const options = withWatchDefaults({
    ...commonListOptions(query),
    ...given({
      allowWatchBookmarks: booleanOf(query, 'allowWatchBookmarks'),
      sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
      timeoutSeconds: integerOf(query, 'timeoutSeconds'),
    }),
  });
  refuse('ListOptions', watchErrors(options));
  return options;
}

/** Who names no version has always been sent what is there: the same, said in the words of KEP-3157. */
function withWatchDefaults(options: WatchRequestOptions): WatchRequestOptions {
  const { resourceVersion = '0', resourceVersionMatch, sendInitialEvents } = options;
  if (sendInitialEvents !== undefined || resourceVersionMatch !== undefined || resourceVersion !== '0') return options;
  return { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' };
}

function commonListOptions(query: URLSearchParams): ListOptions {
  return given({
    labelSelector: textOf(query, 'labelSelector'),
    fieldSelector: textOf(query, 'fieldSelector'),
    resourceVersion: textOf(query, 'resourceVersion'),
    resourceVersionMatch: textOf(query, 'resourceVersionMatch') as ListOptions['resourceVersionMatch'],
    limit: integerOf(query, 'limit'),
    continue: textOf(query, 'continue'),
  });
}

const match = 'resourceVersionMatch';

function listErrors(options: ListOptions, query: URLSearchParams): FieldError[] {
  const errors: FieldError[] = [];
  if (options.resourceVersionMatch !== undefined) {
    if (!options.resourceVersion)
      errors.push(forbiddenField(match, `${match} is forbidden unless resourceVersion is provided`));
    if (options.continue) errors.push(forbiddenField(match, `${match} is forbidden when continue is provided`));
    if (!['Exact', 'NotOlderThan'].includes(options.resourceVersionMatch)) {
      errors.push(notSupported(match, options.resourceVersionMatch, ['Exact', 'NotOlderThan', '']));
    }
    if (options.resourceVersionMatch === 'Exact' && options.resourceVersion === '0') {
      errors.push(forbiddenField(match, `${match} "exact" is forbidden for resourceVersion "0"`));
    }
  }
  if (query.has('sendInitialEvents')) {
    errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors(options: WatchRequestOptions): FieldError[] {
  const errors: FieldError[] = [];
  const wanted = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && wanted !== 'NotOlderThan') {
    errors.push(forbiddenField(match, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (wanted === undefined) return errors;
  if (options.sendInitialEvents === undefined) {
    errors.push(forbiddenField(match, `${match} is forbidden for watch unless sendInitialEvents is provided`));
  }
  if (wanted !== 'NotOlderThan') errors.push(notSupported(match, wanted, ['NotOlderThan']));
  if (options.continue) errors.push(forbiddenField(match, `${match} is forbidden when continue is provided`));
  return errors;
}

const fieldValidations = ['', 'Ignore', 'Strict', 'Warn'];

export type WriteKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';

const noWriteOptions: WriteOptions = Object.freeze({});

/** `apply`: the patch is a server-side apply. @throws StatusError Invalid */
export function writeOptions(query: URLSearchParams, kind: WriteKind, apply = false): WriteOptions {
  if (query.size === 0 && !apply) return noWriteOptions;
  const fieldManager = textOf(query, 'fieldManager');
  const force = kind === 'PatchOptions' ? booleanOf(query, 'force') : undefined;
  const fieldValidation = textOf(query, 'fieldValidation') as FieldValidation | undefined;
  const errors = kind === 'PatchOptions' ? patchErrors(apply, fieldManager, force) : [];
  if (fieldManager !== undefined) errors.push(...fieldManagerErrors('fieldManager', fieldManager));
  errors.push(...dryRunErrors(query.getAll('dryRun')));
  if (fieldValidation !== undefined && !fieldValidations.includes(fieldValidation)) {
    errors.push(notSupported('fieldValidation', fieldValidation, fieldValidations));
  }
  refuse(kind, errors);
  return given({ dryRun: query.getAll('dryRun').length > 0 ? true : undefined, fieldManager, fieldValidation, force });
}

function patchErrors(apply: boolean, fieldManager: string | undefined, force: boolean | undefined): FieldError[] {
  if (!apply) return force === undefined ? [] : [forbiddenField('force', 'may not be specified for non-apply patch')];
  if (fieldManager !== undefined) return [];
  return [required('fieldManager', 'is required for apply patch')];
}

/** What may be shown as it is: nearly always. */
const plainManager = /^[\x20-\x2e\x30-\x7e]{0,128}(?=\/|$)/;

/** Who writes, where `fieldManager` does not say: the user agent up to its first slash, as far as it may be shown. */
export function managerOfUserAgent(userAgent: string | undefined): string {
  const [plain] = plainManager.exec(userAgent ?? '') ?? [];
  if (plain !== undefined) return plain;
  let manager = '';
  for (const character of userAgent?.split('/', 1)[0] ?? '') {
    if (unprintable.test(character)) continue;
    if (Buffer.byteLength(manager) + Buffer.byteLength(character) > fieldManagerBytesMax) break;
    manager += character;
  }
  return manager;
}
