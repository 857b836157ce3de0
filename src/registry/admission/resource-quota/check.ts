/**
 * May this write be, as far as the quotas of its namespace go, and what does it use of each? Pure; upstream's rules in upstream's order,
 * with upstream's words.
 *
 * A quota speaks about a write where its *status* says what it bounds: one that the control loop has not looked at yet bounds nothing.
 */
import {
  type Amounts,
  amountsOf,
  beyond,
  isPositive,
  minus,
  namesOf,
  only,
  plus,
  printed,
  withoutZeros,
} from '../../../api/quota/amounts.ts';
import { type Evaluator, inAllScopes, type QuotaWrite, type Scope, scopesOf } from '../../../api/quota/evaluator.ts';
import type { ResourceQuota } from '../../../api/schema/types/core-v1.ts';
import { type LimitedResource, uncoveredNames, uncoveredScopes } from './limited-resources.ts';

/** A quota while writes are reckoned up against it. */
export interface QuotaState {
  readonly name: string;
  readonly uid: string;
  readonly quota: ResourceQuota;
  readonly hard: Amounts;
  /** Grows with each write that is admitted. */
  used: Amounts;
}

export function quotaState(quota: ResourceQuota): QuotaState {
  const { name = '', uid = '' } = quota.metadata ?? {};
  return { name, uid, quota, hard: amountsOf(quota.status?.hard), used: amountsOf(quota.status?.used) };
}

export interface QuotaQuestion {
  /** Of what is written: `pods`. */
  readonly collection: string;
  readonly evaluator: Evaluator;
  readonly write: QuotaWrite;
  readonly nowMs: number;
}

export type Verdict =
  /** What to add to which quota; nothing where none speaks about it. */
  | { readonly kind: 'admitted'; readonly charges: ReadonlyMap<QuotaState, Amounts> }
  /** `full` is there where it is for too much being used: what others give back may make room. */
  | { readonly kind: 'refused'; readonly why: string; readonly full?: QuotaState }
  /** No quota covers a scope that only quotas may open. Upstream answers with an error that is no refusal. */
  | { readonly kind: 'uncovered'; readonly why: string };

const nothing: Verdict = { kind: 'admitted', charges: new Map() };
const refused = (why: string, full?: QuotaState): Verdict => ({ kind: 'refused', why, ...(full && { full }) });

export function checkWrite(
  question: QuotaQuestion,
  quotas: readonly QuotaState[],
  limited: readonly LimitedResource[],
): Verdict {
  const { evaluator, write, nowMs } = question;
  const speaking = quotas.filter((state) => speaksOf(state, evaluator, write.object));
  for (const state of speaking) {
    const why = refusedUncounted(state, question);
    if (why !== undefined) return refused(why);
  }
  const usage = evaluator.usage(write.object, nowMs);
  const negative = [...usage].filter(([, { nano }]) => nano < 0n).map(([name]) => name);
  if (negative.length > 0) return refused(`quota usage is negative for resource(s): ${negative.sort().join(',')}`);
  const charges = chargesOf(question, speaking, usage);
  if (charges.size === 0) return nothing;
  const gap = uncovered(question, { quotas, speaking, usage, limited });
  if (gap !== undefined) return gap;
  return fit(write, charges);
}

function speaksOf({ hard, quota }: QuotaState, evaluator: Evaluator, object: QuotaWrite['object']): boolean {
  return (
    [...hard.keys()].some((name) => evaluator.measures(name)) && inAllScopes(evaluator, object, scopesOf(quota.spec))
  );
}

function refusedUncounted({ name, hard, used }: QuotaState, { evaluator, write }: QuotaQuestion): string | undefined {
  const measured = namesOf(hard).filter((each) => evaluator.measures(each));
  const missing = evaluator.missing?.(write.object, measured);
  if (missing !== undefined) return `failed quota: ${name}: ${missing}`;
  if (measured.every((each) => used.has(each))) return undefined;
  return `status unknown for quota: ${name}, resources: ${measured.join(',')}`;
}

/** The key for a write that no quota speaks about: it uses something all the same, where only quotas may open that. */
const nobody = Symbol('no quota');
type Charges = Map<QuotaState | typeof nobody, Amounts>;

/** Only what is more than before: what a change sets free the control loop finds. */
function chargesOf(
  { evaluator, write, nowMs }: QuotaQuestion,
  speaking: readonly QuotaState[],
  usage: Amounts,
): Charges {
  const { old } = write;
  const difference = old === undefined ? usage : minus(usage, evaluator.usage(old, nowMs));
  const charges: Charges = new Map();
  for (const state of speaking) {
    const knewIt = old !== undefined && speaksOf(state, evaluator, old);
    const charge = withoutZeros(knewIt ? difference : usage);
    if (charge.size > 0) charges.set(state, charge);
  }
  if (speaking.length === 0 && withoutZeros(difference).size > 0) charges.set(nobody, difference);
  return charges;
}

interface Coverage {
  readonly quotas: readonly QuotaState[];
  readonly speaking: readonly QuotaState[];
  readonly usage: Amounts;
  readonly limited: readonly LimitedResource[];
}

function uncovered(
  { collection, evaluator, write }: QuotaQuestion,
  { quotas, speaking, usage, limited }: Coverage,
): Verdict | undefined {
  if (limited.length === 0) return undefined;
  const isBounded = (name: string): boolean => speaking.some(({ hard }) => hard.has(name) && evaluator.measures(name));
  const consumed = [...usage].filter(([, amount]) => isPositive(amount)).map(([name]) => name);
  const names = uncoveredNames(limited, collection, consumed).filter((name) => !isBounded(name));
  if (names.length > 0) return refused(`insufficient quota to consume: ${names.sort().join(',')}`);
  const holds = (scope: Scope): boolean => evaluator.inScope?.(write.object, scope) ?? false;
  const opened = quotas.flatMap(({ quota }) => scopesOf(quota.spec)).filter(holds);
  const scopes = uncoveredScopes(limited, holds, opened);
  if (scopes.length === 0) return undefined;
  return { kind: 'uncovered', why: `insufficient quota to match these scopes: [${scopes.join(' ')}]` };
}

function fit({ subresource }: QuotaWrite, charges: Charges): Verdict {
  const fitting = new Map<QuotaState, Amounts>();
  for (const [state, charge] of charges) {
    if (state === nobody) continue;
    const asked = only(charge, (name) => state.hard.has(name));
    const exceeded = beyond(
      only(plus(state.used, asked), (name) => asked.has(name)),
      state.hard,
    );
    // What is in a status has happened already.
    if (exceeded.length > 0 && subresource !== 'status') return refused(exceededText(state, asked, exceeded), state);
    if (asked.size > 0) fitting.set(state, asked);
  }
  return { kind: 'admitted', charges: fitting };
}

function exceededText({ name, hard, used }: QuotaState, asked: Amounts, exceeded: readonly string[]): string {
  const parts = [
    `requested: ${printed(asked, exceeded)}`,
    `used: ${printed(used, exceeded)}`,
    `limited: ${printed(hard, exceeded)}`,
  ];
  return `exceeded quota: ${name}, ${parts.join(', ')}`;
}
