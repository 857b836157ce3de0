/** The rules of `metav1.DeleteOptions`, wherever they come from: a delete's body or query, or an eviction. */
import { invalidValue, notSupported } from '../../api/field-error.ts';
import type { DeleteOptions } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

/** As a client may send them: a policy is any text. */
export type SentDeleteOptions = {
  readonly [K in keyof DeleteOptions]?: DeleteOptions[K] | undefined;
};

const policies = ['Foreground', 'Background', 'Orphan'];
const ignoreUnread = 'ignoreStoreReadErrorWithClusterBreakingPotential';

export function deleteOptionsErrors(options: SentDeleteOptions): FieldError[] {
  const { propagationPolicy: policy, orphanDependents, dryRun = [] } = options;
  const errors: FieldError[] = [];
  if (policy !== undefined && orphanDependents !== undefined) {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    errors.push(invalidValue('propagationPolicy', policy, why));
  }
  if (policy !== undefined && !policies.includes(policy)) {
    errors.push(notSupported('propagationPolicy', policy, [...policies, 'nil']));
  }
  return [...errors, ...dryRunErrors(dryRun), ...unreadErrors(options)];
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  const bad = values.filter((value) => value !== 'All');
  return bad.length === 0 ? [] : [notSupported('dryRun', values, ['All'])];
}

/** Who gives up an object that cannot be read asks for nothing else: there is nothing that could be looked at. */
function unreadErrors(options: SentDeleteOptions): FieldError[] {
  if (!options[ignoreUnread]) return [];
  const { dryRun, propagationPolicy, orphanDependents, gracePeriodSeconds, preconditions } = options;
  const others = { dryRun: dryRun?.[0], propagationPolicy, orphanDependents, gracePeriodSeconds, preconditions };
  return Object.entries(others).flatMap(([name, value]) =>
    value === undefined ? [] : [invalidValue(ignoreUnread, true, `cannot be set together with .${name}`)],
  );
}
