/** From what a server answers to what a client throws: `Status` objects become `StatusError`s. */

import type { Status } from '../api/schema/types/meta-v1.ts';
import { StatusError, type StatusReason } from '../api/status-error.ts';

/** The error that a `Status` object stands for. Its code is `fallbackCode` where it names none. */
export function errorFromStatus(status: Status, fallbackCode = 500): StatusError {
  const code = status.code ?? fallbackCode;
  const reason = (status.reason as StatusReason | undefined) || reasonOf(code);
  return new StatusError(code, reason, status.message ?? `the server answered ${code}`, status.details);
}

/** The reason that upstream gives to an answer that is no `Status`. */
export function reasonOf(code: number): StatusReason {
  return reasons.get(code) ?? (code >= 500 ? 'InternalError' : 'BadRequest');
}

const reasons: ReadonlyMap<number, StatusReason> = new Map([
  [400, 'BadRequest'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [405, 'MethodNotAllowed'],
  [406, 'NotAcceptable'],
  [409, 'Conflict'],
  [410, 'Expired'],
  [413, 'RequestEntityTooLarge'],
  [415, 'UnsupportedMediaType'],
  [422, 'Invalid'],
  [429, 'TooManyRequests'],
  [503, 'ServiceUnavailable'],
  [504, 'Timeout'],
] as const);

/** The transport failed: nobody answered. The request may or may not have been carried out. */
export const unreachable = (message: string, cause?: unknown): StatusError =>
  new StatusError(503, 'ServiceUnavailable', message, undefined, { cause });

export const timedOut = (message: string): StatusError => new StatusError(504, 'Timeout', message);

export const noSuchResource = (): StatusError =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

/** The server itself refused. Any other failure leaves open whether the request was carried out. */
export const isRefusal = (error: unknown): boolean => error instanceof StatusError && error.code < 500;

/** What answered does not speak JSON: it is no Kubernetes API. */
export class NotAnApiError extends Error {
  override name = 'NotAnApiError';
}

/** @throws NotAnApiError */
export function jsonOf<T>(body: Buffer): T {
  try {
    return JSON.parse(body.toString()) as T;
  } catch (error) {
    throw new NotAnApiError('the answer is no JSON', { cause: error });
  }
}
