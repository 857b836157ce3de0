/**
 * May they? Whoever belongs to `system:masters` may do anything; then nodes are asked what they are (`node-authorization/`); then RBAC (`rbac/`).
 *
 * Deny by default: what nobody allows is refused (`api/refusal.ts`).
 */
import type { PolicyRule } from '../../api/schema/types/rbac-v1.ts';
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from '../../registry/request.ts';

export interface UserRules {
  readonly rules: readonly PolicyRule[];
  /** What went wrong on the way to it. */
  readonly problem?: string;
  /** There may be more: somebody cannot tell all that they would allow. */
  readonly incomplete?: boolean;
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
    return this.#decideFrom(0, attributes, nothingTold);
  }

  #decideFrom(first: number, attributes: AuthorizationAttributes, before: Told): Decision | Promise<Decision> {
    let told = before;
    for (let index = first; index < this.#members.length; index++) {
      const decision = (this.#members[index] as Decider).decide(attributes);
      if (decision instanceof Promise) {
        return decision.then((late) =>
          isFinal(late) ? late : this.#decideFrom(index + 1, attributes, withDecision(told, late)),
        );
      }
      if (isFinal(decision)) return decision;
      told = withDecision(told, decision);
    }
    return refusalOf(told);
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    const all = this.#members.map((member) => member.rulesFor(user, namespace));
    const problem = aggregateOf(all.flatMap(({ problem }) => problem ?? []));
    return {
      rules: all.flatMap(({ rules }) => rules),
      ...(problem !== '' && { problem }),
      ...(all.some(({ incomplete }) => incomplete) && { incomplete: true }),
    };
  }
}

/** What those who had no opinion said. */
interface Told {
  readonly reasons: readonly string[];
  readonly problems: readonly string[];
}

const nothingTold: Told = { reasons: [], problems: [] };

/** Most have nothing to say: then nothing is made. */
function withDecision(told: Told, { reason, problem }: Decision): Told {
  if (reason === '' && problem === undefined) return told;
  return {
    reasons: reason === '' ? told.reasons : [...told.reasons, reason],
    problems: problem === undefined ? told.problems : [...told.problems, problem],
  };
}

const refused: Decision = { allowed: false, reason: '' };

function refusalOf({ reasons, problems }: Told): Decision {
  if (reasons.length === 0 && problems.length === 0) return refused;
  const problem = aggregateOf(problems);
  return { allowed: false, reason: reasons.join('\n'), ...(problem !== '' && { problem }) };
}

/** One as it is, several in brackets, none twice: as Go prints a list of errors. */
function aggregateOf(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  return distinct.length > 1 ? `[${distinct.join(', ')}]` : (distinct[0] ?? '');
}

function isFinal({ allowed, denied }: Decision): boolean {
  return allowed || denied === true;
}

const allowed: Decision = { allowed: true, reason: '' };

/** `system:masters` may do anything, whatever roles say: the way back in. What they may is told by RBAC's `cluster-admin`. */
export const masters: Decider = {
  decide: ({ user }) => (user.groups.includes('system:masters') ? allowed : refused),
  rulesFor: () => ({ rules: [] }),
};

export const alwaysAllow: Decider = {
  decide: () => allowed,
  rulesFor: () => ({
    rules: [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ],
  }),
};

/** Has no opinion on anything, and says so: those who come later may still allow. */
export const alwaysDeny: Decider = {
  decide: () => ({ allowed: false, reason: 'Everything is forbidden.' }),
  rulesFor: () => ({ rules: [] }),
};
