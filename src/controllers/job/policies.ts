/** What a Job's policies make of its pods' ends: `podFailurePolicy` of a failed pod, `successPolicy` of the indexes that succeeded. Pure. */
import type {
  Job,
  PodFailurePolicyAction,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../../api/schema/types/batch-v1.ts';
import type { ContainerStatus, Pod } from '../../api/schema/types/core-v1.ts';
import { nameOf, namespaceOf } from '../shared/context.ts';
import { Indexes } from './indexes.ts';

export interface FailureVerdict {
  /** Undefined where no rule matched. */
  readonly action?: PodFailurePolicyAction;
  /** Whether the failure counts towards the back-off limit. */
  readonly counts: boolean;
  /** Why the job fails, where the action says so. */
  readonly message?: string;
}

const noRule: FailureVerdict = { counts: true };

/** A rule with an action of a later version of the API is passed over. */
const knownActions: ReadonlySet<string> = new Set<PodFailurePolicyAction>(['Count', 'FailIndex', 'FailJob', 'Ignore']);

/** The first rule that matches decides. */
export function judgeFailure({ spec }: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (spec?.podFailurePolicy?.rules ?? []).entries()) {
    const { action } = rule;
    const why = knownActions.has(action) ? whyMatching(rule, pod) : undefined;
    if (why === undefined) continue;
    if (action !== 'FailJob') return { action, counts: action !== 'Ignore' };
    return { action, counts: true, message: `${why} matching ${action} rule at index ${index}` };
  }
  return noRule;
}

function whyMatching({ onExitCodes, onPodConditions = [] }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const id = `${namespaceOf(pod)}/${nameOf(pod)}`;
  if (onExitCodes !== undefined) {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const failed = [...containerStatuses, ...initContainerStatuses].find((one) => exitMatches(one, onExitCodes));
    const code = failed?.state?.terminated?.exitCode;
    return failed && `Container ${failed.name} for pod ${id} failed with exit code ${code}`;
  }
  const condition = pod.status?.conditions?.find(({ type, status }) =>
    onPodConditions.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
  );
  return condition && `Pod ${id} has condition ${condition.type}`;
}

/** A container that ended well matches no rule, also none that says `NotIn`. Nor does anything match an operator that is not known. */
function exitMatches(
  { name, state }: ContainerStatus,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
  const code = state?.terminated?.exitCode;
  if (!code || (containerName !== undefined && containerName !== name)) return false;
  return operator === 'In' ? values.includes(code) : operator === 'NotIn' && !values.includes(code);
}

/** Says which rule is met; undefined where none is. */
export function successRuleMet({ spec }: Job, succeeded: Indexes): string | undefined {
  if (succeeded.total === 0) return undefined;
  const rules = spec?.successPolicy?.rules ?? [];
  const index = rules.findIndex((rule) => isMet(rule, succeeded, spec?.completions ?? 0));
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}

function isMet(
  { succeededIndexes, succeededCount }: SuccessPolicyRule,
  succeeded: Indexes,
  completions: number,
): boolean {
  const enough = succeededCount ?? Number.POSITIVE_INFINITY;
  if (succeededIndexes === undefined) return succeeded.total >= enough;
  const asked = Indexes.read(succeededIndexes, completions);
  const met = succeeded.inCommon(asked);
  return asked.total > 0 && (met === asked.total || met >= enough);
}
