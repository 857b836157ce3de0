/**
 * Which requests a webhook hears of: expressions in CEL over the SubjectAccessReview that would be sent, all of which must be true.
 *
 * Kept true: one that is false settles it, whatever errors the others meet; an error beside no false one is an error. Every text of the
 * user and the attributes is there, empty where the request has none; selectors are there only where there are some.
 */

import { kubernetesLibraries } from '../../api/cel/libraries/index.ts';
import { celEnvironment } from '../../lib/cel/environment.ts';
import { typeNameOf } from '../../lib/cel/equality.ts';
import { celValue } from '../../lib/cel/json-values.ts';
import { nameOfType } from '../../lib/cel/type-names.ts';
import { celTypes } from '../../lib/cel/types.ts';
import type { ReviewSpec } from './review-spec.ts';

export interface MatchCondition {
  readonly expression: string;
  /** @throws Error in upstream's words */
  matches(request: object): boolean;
}

const { string, dyn, list, map, object } = celTypes;

const requestType = object('kubernetes.SubjectAccessReviewSpec', {
  user: string,
  groups: list(string),
  uid: string,
  extra: map(string, list(string)),
  resourceAttributes: map(string, dyn),
  nonResourceAttributes: map(string, string),
});

const environment = celEnvironment({ variables: { request: requestType }, libraries: kubernetesLibraries });

/** A text says what is wrong with it. */
export function compileMatchCondition(expression: string): MatchCondition | string {
  const compiled = environment.compile(expression);
  if (compiled.kind === 'error') return `compilation failed: ${compiled.error.text}`;
  const { program } = compiled;
  if (program.type.kind !== 'bool' && program.type.kind !== 'dyn')
    return `must evaluate to bool but got ${nameOfType(program.type)}`;
  return {
    expression,
    matches(request) {
      const result = program.evaluate({ request: celValue(requestType, request) });
      if (result.kind === 'value' && typeof result.value === 'boolean') return result.value;
      const why =
        result.kind === 'error'
          ? `resulted in error: ${result.message}`
          : `eval result type should be bool but got ${typeNameOf(result.value)}`;
      throw new Error(`cel evaluation error: expression '${expression}' ${why}`);
    },
  };
}

/** Must the webhook be asked? @throws Error with all that went wrong */
export function meetsAll(conditions: readonly MatchCondition[], spec: ReviewSpec): boolean {
  if (conditions.length === 0) return true;
  const request = requestOf(spec);
  const errors: string[] = [];
  for (const condition of conditions) {
    try {
      if (!condition.matches(request)) return false;
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`);
  return true;
}

function requestOf({ user = '', groups = [], uid = '', extra = {}, ...asked }: ReviewSpec): object {
  const { resourceAttributes, nonResourceAttributes } = asked;
  const caller = { user, groups, uid, extra };
  if (resourceAttributes === undefined) return { ...caller, nonResourceAttributes: { ...nonResourceAttributes } };
  const texts = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' };
  return { ...caller, resourceAttributes: { ...texts, ...resourceAttributes } };
}
