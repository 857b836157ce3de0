/**
 * What the rules of a pod know of where it stands, and what they let pass: an object that broke a rule before the rule was made
 * can still be changed elsewhere (upstream's PodValidationOptions). A new object is held to all rules.
 */
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

/** Rules that an object may go on breaking. */
const tolerances = [
  'block devices',
  'deletion cost',
  'empty image reference',
  'host sysctls',
  'huge pages',
  'node affinity values',
  'restarts for a resize',
  'SELinux policies',
  'selector values',
  'spread selectors',
  'token paths',
] as const;

export type Tolerance = (typeof tolerances)[number];

export interface PodOptions {
  /** A Pod, and not a template in another object. */
  readonly isPod: boolean;
  readonly tolerated: ReadonlySet<Tolerance>;
}

const none: ReadonlySet<Tolerance> = new Set();

export const strictPod: PodOptions = { isPod: true, tolerated: none };
export const strictTemplate: PodOptions = { isPod: false, tolerated: none };

/**
 * Checks strictly; where that finds something and there is an object to be replaced, again with what that one breaks already.
 * So the common case pays for one pass.
 */
export function checkTolerantly<T extends { readonly spec?: PodSpec }>(
  check: (value: T, options: PodOptions) => FieldError[],
  strict: PodOptions,
  value: T,
  old: T | undefined,
): FieldError[] {
  const errors = check(value, strict);
  if (errors.length === 0 || old === undefined) return errors;
  const broken = check(old, strict).length;
  const withOne = (tolerance: Tolerance): PodOptions => ({ ...strict, tolerated: new Set([tolerance]) });
  const tolerated = tolerances.filter(
    (tolerance) => namesPolicy(tolerance, old) || (broken > 0 && check(old, withOne(tolerance)).length < broken),
  );
  return tolerated.length === 0 ? errors : check(value, { ...strict, tolerated: new Set(tolerated) });
}

/** Upstream lets an object that has any of these policies change to any other. */
function namesPolicy(tolerance: Tolerance, { spec }: { readonly spec?: PodSpec }): boolean {
  return tolerance === 'SELinux policies' && spec?.securityContext?.seLinuxChangePolicy !== undefined;
}
