/**
 * Annotations of apps/v1 that stand for numeric fields of the versions before it. Upstream turns them into these fields as it
 * decodes the object, so that one which is no number is no object of the kind, rather than a bad one.
 */
import type { KubeObject } from '../../api/object.ts';
import { badRequest } from '../../api/status-error.ts';
import type { Draft } from '../draft.ts';

interface Rule {
  readonly kind: string;
  readonly annotation: string;
  /** Empty text counts as none. */
  readonly optional: boolean;
  readonly problem: (text: string, why: string) => string;
}

const rollbackTo = 'deprecated.deployment.rollback.to';
/** How many templates a DaemonSet has had: a field once. */
export const templatesAnnotation = 'deprecated.daemonset.template.generation';

export const rollbackRule: Rule = {
  kind: 'Deployment',
  annotation: rollbackTo,
  optional: true,
  problem: (text, why) => `failed to parse annotation[${rollbackTo}]=${text} as int64: ${why}`,
};

export const templatesRule: Rule = {
  kind: 'DaemonSet',
  annotation: templatesAnnotation,
  optional: false,
  problem: (_text, why) => why,
};

/** @throws StatusError BadRequest */
export function checkNumber(rule: Rule, { metadata }: Draft<KubeObject>): void {
  const text = metadata?.annotations?.[rule.annotation];
  if (text === undefined || (text === '' && rule.optional)) return;
  const why = notInt64(text);
  if (why === undefined) return;
  throw badRequest(`${rule.kind} in version "v1" cannot be handled as a ${rule.kind}: ${rule.problem(text, why)}`);
}

const int64Digits = 19;

/** In Go's words. */
function notInt64(text: string): string | undefined {
  const refuse = (why: string): string => `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`;
  const [, sign = '', digits] = /^([+-]?)0*([0-9]+)$/.exec(text) ?? [];
  if (digits === undefined) return refuse('invalid syntax');
  if (digits.length > int64Digits) return refuse('value out of range');
  const value = BigInt(`${sign === '-' ? '-' : ''}${digits}`);
  return BigInt.asIntN(64, value) === value ? undefined : refuse('value out of range');
}
