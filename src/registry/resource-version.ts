/** What `resourceVersion` in a request means (KEP-2340 and the API concepts page of Kubernetes). */

import { invalidValue } from '../api/field-error.ts';
import { badRequest, expired, StatusError } from '../api/status-error.ts';

/** Undefined where unset. 0 means "any". @throws StatusError BadRequest */
export function parseResourceVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(Number(text))) {
    const why = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    const { field, message } = invalidValue('resourceVersion', text, why);
    throw badRequest(`invalid resource version: ${field}: ${message}`);
  }
  return Number(text);
}

/** A version that lies ahead: the client has seen another server's future, or another cluster. @throws StatusError Timeout */
export function checkNotAhead(version: number | undefined, current: number): void {
  if (version === undefined || version <= current) return;
  const message = `Too large resource version: ${version}, current: ${current}`;
  throw new StatusError(504, 'Timeout', `Timeout: ${message}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export function tooOld(version: number, oldest: number): StatusError {
  return expired(`too old resource version: ${version} (${oldest})`);
}

export function continueWithVersion(): StatusError {
  return badRequest('specifying resource version is not allowed when using continue');
}
