/**
 * Which names a CustomResourceDefinition gets of those that it wants, and whether it is served: pure.
 *
 * Within a group, plural, singular and short names share one space, kinds and kinds of lists another. Whoever has a name keeps it; whoever wants
 * one that is taken waits until it is free. Once established, a definition stays so.
 */

import { goQuote } from '../../api/field-error.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../api/schema/types/apiextensions-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { sameJson } from '../draft.ts';
import { approvalKey, approvalOf, isCommunityGroup } from './approval.ts';
import { isCaBundle } from './ca-bundle.ts';

type Condition = CustomResourceDefinitionCondition;

/** The names that others of the group have. */
export interface TakenNames {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

export function takenNames(others: readonly CustomResourceDefinition[]): TakenNames {
  const accepted = others.map(({ status }) => status?.acceptedNames).filter((names) => names !== undefined);
  const resources = accepted.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...(shortNames ?? [])]);
  return {
    resources: new Set(resources.filter((name) => name !== undefined)),
    kinds: new Set(accepted.flatMap(({ kind, listKind = '' }) => [kind, listKind])),
  };
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

type Names = { -readonly [Name in keyof CustomResourceDefinitionNames]?: CustomResourceDefinitionNames[Name] };

/** The status with names and conditions as they are to be; undefined where nothing is to change. `taken` is asked only where names are wanted. */
export function decideNames(
  definition: CustomResourceDefinition,
  taken: () => TakenNames,
  nowMs: number,
): CustomResourceDefinitionStatus | undefined {
  const { spec, status = {} } = definition;
  const hasNames = sameJson(spec.names, status.acceptedNames);
  const { names: acceptedNames, conflict } = hasNames
    ? { names: spec.names, conflict: undefined }
    : acceptNames(definition, taken());
  const conditions = wantedConditions(definition, conflict).reduce(
    (all, condition) => withCondition(all, condition, nowMs),
    status.conditions ?? [],
  );
  const next = { ...status, acceptedNames, conditions };
  return sameJson(next, status) ? undefined : next;
}

function acceptNames(
  { spec, status = {} }: CustomResourceDefinition,
  taken: TakenNames,
): { readonly names: CustomResourceDefinitionNames; readonly conflict: Conflict | undefined } {
  const had: Names = status.acceptedNames ?? {};
  const conflicts: Conflict[] = [];
  const acceptedNames: Names = { ...had };
  for (const field of ['plural', 'singular'] as const) {
    const name = spec.names[field];
    const conflict = name === undefined ? undefined : conflictOf(name, had[field], taken.resources);
    if (conflict)
      conflicts.push({ reason: field === 'plural' ? 'PluralConflict' : 'SingularConflict', message: conflict });
    else setName(acceptedNames, field, name);
  }
  const shortConflicts = (spec.names.shortNames ?? [])
    .filter((name) => !had.shortNames?.includes(name))
    .flatMap((name) => conflictOf(name, undefined, taken.resources) ?? []);
  if (shortConflicts.length > 0) conflicts.push({ reason: 'ShortNamesConflict', message: aggregate(shortConflicts) });
  else setName(acceptedNames, 'shortNames', spec.names.shortNames);
  for (const field of ['kind', 'listKind'] as const) {
    const name = spec.names[field];
    const conflict = name === undefined ? undefined : conflictOf(name, had[field], taken.kinds);
    if (conflict) conflicts.push({ reason: field === 'kind' ? 'KindConflict' : 'ListKindConflict', message: conflict });
    else setName(acceptedNames, field, name);
  }
  setName(acceptedNames, 'categories', spec.names.categories);
  return { names: acceptedNames as CustomResourceDefinitionNames, conflict: conflicts.at(-1) };
}

/** Undefined: it is the one that it has, or free. */
function conflictOf(name: string, had: string | undefined, taken: ReadonlySet<string>): string | undefined {
  return name === had || !taken.has(name) ? undefined : `${goQuote(name)} is already in use`;
}

/** As Go prints a list of errors. */
const aggregate = (messages: readonly string[]): string => {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? String(unique[0]) : `[${unique.join(', ')}]`;
};

function setName<Name extends keyof Names>(names: Names, field: Name, value: Names[Name] | undefined): void {
  if (value === undefined) delete names[field];
  else names[field] = value;
}

function wantedConditions(definition: CustomResourceDefinition, conflict: Conflict | undefined): readonly Condition[] {
  const names: Condition = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  const approval = approvalCondition(definition);
  return [names, ...establishedCondition(definition, conflict), ...(approval === undefined ? [] : [approval])];
}

function establishedCondition({ spec, status }: CustomResourceDefinition, conflict: Conflict | undefined): Condition[] {
  const type = 'Established';
  if (status?.conditions?.some((condition) => condition.type === type && condition.status === 'True')) return [];
  if (conflict) return [{ type, status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }];
  const bundle = spec.conversion?.webhook?.clientConfig?.caBundle;
  if (bundle !== undefined && !isCaBundle(bundle)) {
    const message = 'The conversion webhook CABundle is invalid';
    return [{ type, status: 'False', reason: 'InvalidCABundle', message }];
  }
  const message = 'the initial names have been accepted';
  return [{ type, status: 'True', reason: 'InitialNamesAccepted', message }];
}

/** Of groups that the community keeps for itself; undefined for all others. */
function approvalCondition({ metadata, spec }: CustomResourceDefinition): Condition | undefined {
  if (!isCommunityGroup(spec.group)) return undefined;
  const type = 'KubernetesAPIApprovalPolicyConformant';
  const { state, reason, message } = approvalOf(metadata?.annotations?.[approvalKey]);
  return { type, status: state === 'approved' ? 'True' : 'False', reason, message };
}

/** The time stands for the last change of the condition's status. Other fields of a condition that is there stay. */
export function withCondition(
  conditions: readonly Condition[],
  wanted: Omit<Condition, 'lastTransitionTime'>,
  nowMs: number,
): readonly Condition[] {
  const present = conditions.find(({ type }) => type === wanted.type);
  const isTimed = present?.status === wanted.status && present.lastTransitionTime !== undefined;
  const lastTransitionTime = isTimed ? present.lastTransitionTime : formatTime(nowMs);
  const next = { ...present, ...wanted, lastTransitionTime } as Condition;
  return present === undefined ? [...conditions, next] : conditions.map((each) => (each === present ? next : each));
}
