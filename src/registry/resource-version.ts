/**
 * What `resourceVersion` in a request means (KEP-2340 and the API concepts page of Kubernetes): the syntax, the wait for a version that
 * lies ahead, and upstream's errors.
 */

import { goQuote, invalidValue } from '../api/field-error.ts';
import { badRequest, expired, StatusError } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Store } from '../store/store.ts';

const uint64Max = 2n ** 64n - 1n;

/** Undefined where unset. 0 means "any". Above 2⁵³ it is rounded: it lies ahead in any case. @throws StatusError BadRequest */
export function parseResourceVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[0-9]+$/.test(text)) throw malformed(text, 'invalid syntax');
  // Long before a bigint of that many digits would cost anything.
  if (text.length > 40 || BigInt(text) > uint64Max) throw malformed(text, 'value out of range');
  return Number(text);
}

function malformed(text: string, problem: string): StatusError {
  const why = `strconv.ParseUint: parsing ${goQuote(text)}: ${problem}`;
  const { field, message } = invalidValue('resourceVersion', text, why);
  return badRequest(`invalid resource version: ${field}: ${message}`);
}

/** How often the store is looked at while somebody waits for its future: a version ahead is rare, and seldom worth the wait. */
const freshnessCheckMs = 50;

/**
 * Resolves when the store has reached `version`. Who asks for one that lies ahead has seen another server's present, which this one will
 * reach in a moment; or another cluster's, and then it never comes.
 * @throws StatusError Timeout after `limits.freshnessMsMax`
 */
export async function waitUntilFresh(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  version: number | undefined,
): Promise<void> {
  if (version === undefined || version <= store.revision) return;
  const lateMs = clock.monotonic() + limits.freshnessMsMax;
  while (version > store.revision) {
    if (clock.monotonic() >= lateMs) throw tooLarge(version, store.revision);
    await clock.sleep(freshnessCheckMs);
  }
}

function tooLarge(version: number, current: number): StatusError {
  const message = `Timeout: Too large resource version: ${BigInt(version)}, current: ${current}`;
  return new StatusError(504, 'Timeout', message, {
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
