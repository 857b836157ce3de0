/**
 * May they? Upstream's RBAC: whatever a rule of a role that is bound to the user, or to one of the groups, allows. Deny by default; what a
 * binding to a role that does not exist would have meant is told with the refusal.
 */
import type { PolicyRule } from '../../api/schema/types/rbac-v1.ts';
import { limits } from '../../lib/limits.ts';
import type { AuthorizationAttributes, Decision, UserInfo } from '../../registry/request.ts';
import type { UserRules } from '../authorization/authorization.ts';
import type { BoundRole, RbacIndex } from './rbac-index.ts';
import { askedOf, ruleAllows } from './rules.ts';

export class RbacAuthorizer {
  readonly #index: RbacIndex;

  constructor(index: RbacIndex) {
    this.#index = index;
  }

  decide(attributes: AuthorizationAttributes): Decision {
    const asked = askedOf(attributes);
    let allowedBy: BoundRole | undefined;
    let problems: string[] | undefined;
    this.#index.someBinding(attributes.user, attributes.namespace, (bound) => {
      const rules = this.#index.rulesOfBound(bound);
      if (rules === undefined) (problems ??= []).push(missing(bound));
      else if (rules.some((rule) => ruleAllows(rule, asked))) allowedBy = bound;
      return allowedBy !== undefined;
    });
    if (allowedBy !== undefined) return { allowed: true, reason: `RBAC: allowed by ${described(allowedBy)}` };
    return { allowed: false, reason: problems === undefined ? '' : `RBAC: ${aggregate(problems)}` };
  }

  /** Each role counts once, however often it is bound. Of very many rules some are told: who is asked what they hold, holds less. */
  rulesFor(user: UserInfo, namespace: string): UserRules {
    const rules: PolicyRule[] = [];
    const problems: string[] = [];
    const seen = new Set<string>();
    const incomplete = this.#index.someBinding(user, namespace, (bound) => {
      if (seen.has(bound.roleKey)) return false;
      seen.add(bound.roleKey);
      const own = this.#index.rulesOfBound(bound);
      if (own === undefined) problems.push(missing(bound));
      else if (rules.length + own.length > limits.rulesToldMax) return true;
      else for (const rule of own) rules.push(rule);
      return false;
    });
    return {
      rules,
      ...(problems.length > 0 && { problem: aggregate(problems) }),
      ...(incomplete && { incomplete }),
    };
  }
}

function missing({ roleRef: { kind, name } }: BoundRole): string {
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
}

/** One as it is, several in brackets, none twice. */
function aggregate(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  return distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`;
}

function described({ source, subject, roleRef, namespace }: BoundRole): string {
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `${source} of ${roleRef.kind} "${roleRef.name}" to ${subject.kind} "${who}"`;
}
