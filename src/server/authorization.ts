/**
 * May they? The rules of naru's own identities, as data: administrators, everybody, nodes, the scheduler, the controllers.
 *
 * Deny by default: what no rule of `builtin-rules.ts` allows is refused, with upstream's message. RBAC joins as another
 * `Authorizer`; this one then keeps to what upstream's node authorizer and bootstrap roles grant. It does not know which pods
 * are bound to which node: a node may read the secrets of every namespace until a node authorizer with that graph arrives.
 */
import { forbidden, StatusError } from '../api/status-error.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../registry/request.ts';
import { type AccessRule, builtinRules } from './builtin-rules.ts';

export class RuleAuthorizer implements Authorizer {
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

  async authorize(attributes: AuthorizationAttributes): Promise<string | undefined> {
    return this.allows(attributes) ? undefined : refusal(attributes);
  }

  /** All that holds for `user` in `namespace`: for those who ask what they may do. */
  rulesFor({ name, groups }: UserInfo, namespace: string): readonly AccessRule[] {
    const rules = [...(this.#byUser.get(name) ?? []), ...groups.flatMap((group) => this.#byGroup.get(group) ?? [])];
    return rules.filter((rule) => rule.namespace === undefined || rule.namespace === namespace);
  }

  allows(attributes: AuthorizationAttributes): boolean {
    const { name, groups } = attributes.user;
    if (anyCovers(this.#byUser.get(name), attributes)) return true;
    return groups.some((group) => anyCovers(this.#byGroup.get(group), attributes));
  }
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

/** Upstream's Forbidden error; `reason` is the authorizer's. */
export function forbiddenError({ group, resource, name }: AuthorizationAttributes, reason: string): StatusError {
  if (resource === '') return new StatusError(403, 'Forbidden', `forbidden: ${reason}`, {});
  return forbidden({ group, kind: resource, name }, reason);
}

/** Who cannot do what, where: upstream's words, for any authorizer to give as its reason. */
export function refusal({
  user,
  verb,
  path,
  group,
  resource,
  subresource,
  namespace,
}: AuthorizationAttributes): string {
  if (resource === '') return `User "${user.name}" cannot ${verb} path "${path}"`;
  const asked = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return `User "${user.name}" cannot ${verb} resource "${asked}" in API group "${group}" ${scope}`;
}
