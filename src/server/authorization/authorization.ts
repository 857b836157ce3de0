/**
 * May they? Whoever belongs to `system:masters` may do anything; then come the rules of naru's own parts, as data; then RBAC (`rbac/`).
 *
 * Deny by default: what nobody allows is refused (`api/refusal.ts`). The rules of the parts do not know which pods are bound to
 * which node: a node may read the secrets of every namespace until a node authorizer with that graph arrives.
 */
import type { PolicyRule } from '../../api/schema/types/rbac-v1.ts';
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from '../../registry/request.ts';
import { type AccessRule, builtinRules } from './builtin-rules.ts';

export interface UserRules {
  readonly rules: readonly PolicyRule[];
  /** What kept the list from being whole. */
  readonly problem?: string;
}

/** Decides, and can tell all that holds for a user in a namespace. */
export interface Decider extends Authorizer {
  rulesFor(user: UserInfo, namespace: string): UserRules;
}

/** Asks one after the other: the first that allows or denies ends it. */
export class AuthorizerChain implements Decider {
  readonly #members: readonly Decider[];

  constructor(members: readonly Decider[]) {
    this.#members = members;
  }

  decide(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
    return this.#decideFrom(0, attributes, []);
  }

  #decideFrom(
    first: number,
    attributes: AuthorizationAttributes,
    reasons: readonly string[],
  ): Decision | Promise<Decision> {
    const told = [...reasons];
    for (const [index, member] of this.#members.entries()) {
      if (index < first) continue;
      const decision = member.decide(attributes);
      if (decision instanceof Promise) {
        return decision.then((late) =>
          isFinal(late) ? late : this.#decideFrom(index + 1, attributes, [...told, late.reason]),
        );
      }
      if (isFinal(decision)) return decision;
      told.push(decision.reason);
    }
    return { allowed: false, reason: told.filter((reason) => reason !== '').join('\n') };
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    const all = this.#members.map((member) => member.rulesFor(user, namespace));
    const problems = all.flatMap(({ problem }) => problem ?? []);
    return { rules: all.flatMap(({ rules }) => rules), ...(problems.length > 0 && { problem: problems.join(', ') }) };
  }
}

function isFinal({ allowed, denied }: Decision): boolean {
  return allowed || denied === true;
}

/** `system:masters` may do anything, whatever roles say: the way back in. What they may is told by RBAC's `cluster-admin`. */
export const masters: Decider = {
  decide: ({ user }) => ({ allowed: user.groups.includes('system:masters'), reason: '' }),
  rulesFor: () => ({ rules: [] }),
};

export class RuleAuthorizer implements Decider {
  readonly #byGroup = new Map<string, AccessRule[]>();
  readonly #byUser = new Map<string, AccessRule[]>();

  constructor(rules: readonly AccessRule[] = builtinRules) {
    for (const rule of rules) {
      const index = rule.subject.kind === 'group' ? this.#byGroup : this.#byUser;
      const list = index.get(rule.subject.name);
      if (list === undefined) index.set(rule.subject.name, [rule]);
      else list.push(rule);
    }
  }

  rulesFor({ name, groups }: UserInfo, namespace: string): UserRules {
    const rules = [...(this.#byUser.get(name) ?? []), ...groups.flatMap((group) => this.#byGroup.get(group) ?? [])];
    const inNamespace = rules.filter((rule) => rule.namespace === undefined || rule.namespace === namespace);
    return { rules: inNamespace.flatMap((rule) => policyRules(rule, name)) };
  }

  decide(attributes: AuthorizationAttributes): Decision {
    return { allowed: this.allows(attributes), reason: '' };
  }

  allows(attributes: AuthorizationAttributes): boolean {
    const { name, groups } = attributes.user;
    if (anyCovers(this.#byUser.get(name), attributes)) return true;
    return groups.some((group) => anyCovers(this.#byGroup.get(group), attributes));
  }
}

/** As RBAC would say it. */
function policyRules({ verbs, groups, resources = [], paths, onlyOwnName }: AccessRule, user: string): PolicyRule[] {
  const resourceNames = onlyOwnName ? { resourceNames: [nodeNameOf(user)] } : {};
  return [
    ...(groups === undefined ? [] : [{ verbs, apiGroups: groups, resources, ...resourceNames }]),
    ...(paths === undefined ? [] : [{ verbs, nonResourceURLs: paths }]),
  ];
}

function anyCovers(rules: readonly AccessRule[] | undefined, attributes: AuthorizationAttributes): boolean {
  return rules?.some((rule) => covers(rule, attributes)) ?? false;
}

function covers(rule: AccessRule, attributes: AuthorizationAttributes): boolean {
  if (!includes(rule.verbs, attributes.verb)) return false;
  if (attributes.resource === '') return rule.paths?.some((pattern) => matchesPath(pattern, attributes.path)) ?? false;
  return coversResource(rule, attributes);
}

function coversResource(rule: AccessRule, attributes: AuthorizationAttributes): boolean {
  if (rule.groups === undefined || !includes(rule.groups, attributes.group)) return false;
  const asked =
    attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
  if (!includes(rule.resources ?? [], asked)) return false;
  if (rule.namespace !== undefined && rule.namespace !== attributes.namespace) return false;
  return rule.onlyOwnName !== true || attributes.name === nodeNameOf(attributes.user.name);
}

function includes(allowed: readonly string[], asked: string): boolean {
  return allowed.includes('*') || allowed.includes(asked);
}

/** `/api/*` covers all below `/api/`; `*` alone covers everything. */
function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

const nodeUserPrefix = 'system:node:';

/** `web-1` for `system:node:web-1`; empty for everybody who is no node. */
export function nodeNameOf(user: string): string {
  return user.startsWith(nodeUserPrefix) ? user.slice(nodeUserPrefix.length) : '';
}
