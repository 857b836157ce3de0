/**
 * Nobody grants what they do not hold: who writes a role needs each of its rules themself (or the verb `escalate`), who writes a binding
 * what its role grants (or the verb `bind` on that role). Members of `system:masters` may grant anything.
 *
 * Asked by the registry after defaults and admission and before validation, for creates and changes alike; for patches and applies the
 * object is the one that would be written. Texts are upstream's.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from '../../api/schema/types/rbac-v1.ts';
import { forbidden, notFound } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import { sameJson } from '../../registry/draft.ts';
import type { GrantGuard, GrantRequest } from '../../registry/grant-guard.ts';
import type { AuthorizationAttributes, RequestTarget } from '../../registry/request.ts';
import type { Decider } from '../authorization/authorization.ts';
import type { RbacIndex } from './rbac-index.ts';
import { compacted, partsIn, quotedList, ruleText, uncovered } from './rules.ts';

const group = 'rbac.authorization.k8s.io';

/** Everything there is: what who lets a role gather others must hold. */
const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export interface EscalationGuardOptions {
  /** All that decides on requests. */
  readonly authorizer: Decider;
  /** What counts as held: roles only. */
  readonly rbac: Decider;
  readonly index: RbacIndex;
}

export class EscalationGuard implements GrantGuard {
  readonly #options: EscalationGuardOptions;

  constructor(options: EscalationGuardOptions) {
    this.#options = options;
  }

  check(request: GrantRequest): Promise<void> | undefined {
    const { resource, user } = request.target;
    if (resource.group !== group || user.groups.includes('system:masters')) return undefined;
    if (request.old !== undefined && lessensOnly(request.object, request.old)) return undefined;
    return this.#check(request);
  }

  async #check(request: GrantRequest): Promise<void> {
    const { resource } = request.target;
    if (resource.resource.endsWith('bindings')) await this.#checkBinding(request);
    else await this.#checkRole(request);
  }

  async #checkRole({ target, object, old }: GrantRequest): Promise<void> {
    if (await this.#may('escalate', target, target.resource.resource, target.name)) return;
    this.#confirmHeld(target, object, (object as ClusterRole).rules ?? []);
    if (!gathers(object) && (old === undefined || !gathers(old))) return;
    if (this.#missing(target, fullAuthority).length === 0) return;
    throw refused(target, object, 'must have cluster-admin privileges to use the aggregationRule');
  }

  async #checkBinding({ target, object }: GrantRequest): Promise<void> {
    const { roleRef } = object as RoleBinding;
    // What is no role at all is for validation to say.
    const resource = resourceOf(roleRef);
    if (resource === undefined) return;
    if (await this.#may('bind', target, resource, roleRef.name)) return;
    const rules = this.#options.index.rulesOf(roleRef, target.namespace);
    if (rules === undefined) throw notFound({ group, kind: resource, name: roleRef.name });
    this.#confirmHeld(target, object, rules);
  }

  async #may(verb: string, { user, namespace }: RequestTarget, resource: string, name: string): Promise<boolean> {
    const what = { user, verb, group, version: '*', resource, subresource: '', namespace, name, path: '' };
    return (await this.#options.authorizer.decide(what satisfies AuthorizationAttributes)).allowed;
  }

  #missing({ user, namespace }: RequestTarget, rules: readonly PolicyRule[]): PolicyRule[] {
    return uncovered(this.#options.rbac.rulesFor(user, namespace).rules, rules);
  }

  /** A rule of a few kilobytes can have more parts than fit into memory: counted before they are made. @throws StatusError Forbidden */
  #confirmCheckable(target: RequestTarget, object: KubeObject, rules: readonly PolicyRule[]): void {
    const held = this.#options.rbac.rulesFor(target.user, target.namespace).rules;
    const parts = rules.reduce((sum, rule) => sum + partsIn(rule), 0);
    if (parts * (1 + held.length) <= limits.grantComparisonsMax) return;
    const why = `its rules have ${parts} combinations of verbs and resources, more than can be held against the ${held.length} rules that you hold`;
    throw refused(target, object, why);
  }

  /** @throws StatusError Forbidden */
  #confirmHeld(target: RequestTarget, object: KubeObject, rules: readonly PolicyRule[]): void {
    this.#confirmCheckable(target, object, rules);
    const missing = this.#missing(target, rules);
    if (missing.length === 0) return;
    const { user, namespace } = target;
    const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`;
    const what = [...new Set(compacted(missing).map(ruleText))].sort().join('\n');
    const { problem } = this.#options.rbac.rulesFor(user, namespace);
    // Resolved from what is stored, and so named as what is stored.
    const told = problem?.replaceAll('role.rbac.', 'roles.rbac.');
    const unresolved = told === undefined ? '' : `; resolution errors: [${told}]`;
    const why = `is attempting to grant RBAC permissions not currently held:\n${what}${unresolved}`;
    throw refused(target, object, `${who} ${why}`);
  }
}

function gathers(role: KubeObject): boolean {
  return (role as ClusterRole).aggregationRule !== undefined;
}

function refused({ resource }: RequestTarget, { metadata }: KubeObject, why: string) {
  return forbidden({ group, kind: resource.resource, name: metadata?.name ?? '' }, why);
}

function resourceOf(roleRef: RoleRef | undefined): string | undefined {
  if (roleRef?.kind === 'ClusterRole') return 'clusterroles';
  return roleRef?.kind === 'Role' ? 'roles' : undefined;
}

/** Only what the garbage collector writes to let an object go. */
function lessensOnly(object: KubeObject, old: KubeObject): boolean {
  return sameJson(withoutOwners(object), withoutOwners(old));
}

function withoutOwners({ metadata, ...rest }: KubeObject): object {
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _managed, ...kept } = metadata ?? {};
  return { ...rest, metadata: kept };
}
