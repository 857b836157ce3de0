/**
 * The one kind of error that a client sees: upstream's `metav1.Status`, rendered in one place.
 *
 * Reasons, codes and message forms are the API's (upstream's apimachinery, `pkg/api/errors`); clients match on `reason` and
 * `code`, people read `message`. Throw one of the makers below; nobody compares message texts.
 */
import { limits } from '../lib/limits.ts';
import type { Status, StatusDetails } from './schema/types/meta-v1.ts';

export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'Timeout'
  | 'TooManyRequests'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable';

/** One rule broken at one field. */
export interface FieldError {
  /** Upstream's path form: `spec.containers[0].image`, `metadata.labels[key]`. */
  readonly field: string;
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooShort'
    | 'FieldValueTooMany'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid'
    | 'InternalError';
  /** Without the path: `Required value`, `Invalid value: "x": must be …`. */
  readonly message: string;
}

/** What the error is about: the resource's plural (or the kind, for `Invalid`), its group, the object's name. */
export interface StatusSubject {
  readonly group: string;
  /** Plural resource name; for `invalid`, the kind. */
  readonly kind: string;
  readonly name: string;
}

export class StatusError extends Error {
  override name = 'StatusError';
  readonly code: number;
  readonly reason: StatusReason;
  readonly details: StatusDetails | undefined;
  /** Told beside it, by those who were asked before it was refused. */
  warnings: readonly string[] = [];

  constructor(code: number, reason: StatusReason, message: string, details?: StatusDetails, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The `Status` object that goes over the wire. */
  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      // A webhook may refuse without one.
      ...(this.reason && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

/** True where `error` is a StatusError with one of `reasons`. */
export function hasReason(error: unknown, ...reasons: StatusReason[]): error is StatusError {
  return error instanceof StatusError && reasons.includes(error.reason);
}

/** `deployments.apps "web"`: how upstream names a subject in a message. */
function named({ group, kind, name }: StatusSubject): string {
  return `${group === '' ? kind : `${kind}.${group}`} "${name}"`;
}

function detailsOf({ group, kind, name }: StatusSubject): StatusDetails {
  return { ...(name !== '' && { name }), ...(group !== '' && { group }), ...(kind !== '' && { kind }) };
}

export const notFound = (subject: StatusSubject): StatusError =>
  new StatusError(404, 'NotFound', `${named(subject)} not found`, detailsOf(subject));

export const alreadyExists = (subject: StatusSubject): StatusError =>
  new StatusError(409, 'AlreadyExists', `${named(subject)} already exists`, detailsOf(subject));

/** A name made from `generateName` was taken, each time that one was made. */
export const noUniqueName = (subject: StatusSubject): StatusError =>
  new StatusError(
    409,
    'AlreadyExists',
    `${named(subject)} already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(subject), retryAfterSeconds: 1 },
  );

export const conflict = (subject: StatusSubject, why: string): StatusError =>
  new StatusError(409, 'Conflict', `Operation cannot be fulfilled on ${named(subject)}: ${why}`, detailsOf(subject));

/** The `why` of a lost optimistic update; clients retry on it. */
export const objectModified =
  'the object has been modified; please apply your changes to the latest version and try again';

export const forbidden = (subject: StatusSubject, why: string): StatusError =>
  new StatusError(
    403,
    'Forbidden',
    subject.name === ''
      ? `${subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`} is forbidden: ${why}`
      : `${named(subject)} is forbidden: ${why}`,
    detailsOf(subject),
  );

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);

export const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized');

export const methodNotAllowed = (subject: StatusSubject, verb: string): StatusError =>
  new StatusError(
    405,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind "${subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`}"`,
    detailsOf(subject),
  );

export const expired = (message: string): StatusError => new StatusError(410, 'Expired', message);

export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds });

export const internalError = (cause: unknown): StatusError =>
  new StatusError(
    500,
    'InternalError',
    `Internal error occurred: ${cause instanceof Error ? cause.message : String(cause)}`,
    { causes: [{ message: cause instanceof Error ? cause.message : String(cause) }] },
    { cause },
  );

/** 422, upstream's form: one broken rule stands alone, several in square brackets. `subject.kind` is the kind here. */
export function invalid(subject: StatusSubject, all: readonly FieldError[]): StatusError {
  const errors = all.slice(0, limits.fieldErrorsMax);
  // What stands in the causes twice is said once.
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${named(subject)} is invalid: ${list}`, {
    ...detailsOf(subject),
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  });
}
