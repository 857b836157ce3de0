/**
 * Whether the expressions of a ValidatingAdmissionPolicy fit the kinds that it is for: what stands in its status (`typeChecking`). A warning
 * alters nothing of what the policy does.
 *
 * Checked are the kinds that its rules name one by one: no wildcards, no subresources, and no more than `limits.policyTypesCheckedMax`.
 */

import type { CelType } from '../../lib/cel/types.ts';
import { limits } from '../../lib/limits.ts';
import type { ResourceInfo } from '../resources.ts';
import type { GroupVersionKind, SchemaRegistry } from '../schema/schema.ts';
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ParamKind,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicySpec,
} from '../schema/types/admissionregistration-v1.ts';
import { objectMetaType } from '../structural/message-type.ts';
import { messageCelType } from './message-types.ts';
import { expressionRoles, PolicyExpressions } from './policy-expressions.ts';

/** What is served. */
export interface TypeSources {
  readonly resources: { readonly all: Iterable<ResourceInfo> };
  readonly schema: SchemaRegistry;
}

/** `pause` lets others have their turn, after each few expressions. */
export async function checkPolicyTypes(
  { spec = {} }: ValidatingAdmissionPolicy,
  sources: TypeSources,
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<ExpressionWarning[]> {
  const checks = await checksOf(spec, sources, pause);
  const warnings: ExpressionWarning[] = [];
  for (const [index, { expression, messageExpression = '' }] of (spec.validations ?? []).entries()) {
    const path = `spec.validations[${index}]`;
    warnings.push(...checks.warnings(`${path}.expression`, expression));
    if (messageExpression !== '') warnings.push(...checks.warnings(`${path}.messageExpression`, messageExpression));
    if (index % expressionsATurn === expressionsATurn - 1) await pause();
  }
  return warnings;
}

const expressionsATurn = 8;

interface Checks {
  warnings(fieldRef: string, expression: string): ExpressionWarning[];
}

/** One for each kind: `apps/v1, Kind=Deployment`, and the expressions as they are for it. */
async function checksOf(
  spec: ValidatingAdmissionPolicySpec,
  sources: TypeSources,
  pause: () => Promise<void>,
): Promise<Checks> {
  const params = spec.paramKind && paramType(spec.paramKind, sources);
  const hasParams = spec.paramKind !== undefined;
  const kinds: { readonly name: string; readonly expressions: PolicyExpressions }[] = [];
  for (const kind of kindsToCheck(spec, sources)) {
    const object = objectType(kind, sources);
    const expressions = new PolicyExpressions({ hasParams, hasVariables: true, object, params });
    for (const { name, expression } of spec.variables ?? []) expressions.addVariable(name, expression);
    kinds.push({ name: `${kind.group}/${kind.version}, Kind=${kind.kind}`, expressions });
    if ((spec.variables ?? []).length >= expressionsATurn) await pause();
  }
  return {
    warnings(fieldRef, expression) {
      const found = kinds.flatMap(({ name, expressions }) => {
        const checked = expressions.check(expression, expressionRoles.anything);
        return checked.kind === 'error' ? [`${name}: ${checked.error.text}\n`] : [];
      });
      return found.length === 0 ? [] : [{ fieldRef, warning: found.join('\n') }];
    },
  };
}

/** Undefined: nothing is known of it. */
function objectType(kind: GroupVersionKind, { schema }: TypeSources): CelType | undefined {
  const message = schema.kind(kind);
  if (message === undefined) return undefined;
  const type = messageCelType(message);
  if (message.declared === undefined || type.kind !== 'object') return type;
  // Of a custom resource, policies see all of the metadata.
  const { fields, ...rest } = type;
  return { ...rest, fields: new Map([...fields, ['metadata', { type: messageCelType(objectMetaType()) }]]) };
}

function paramType({ apiVersion = '', kind = '' }: ParamKind, sources: TypeSources): CelType | undefined {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  return objectType({ group, version, kind }, sources);
}

function kindsToCheck({ matchConstraints }: ValidatingAdmissionPolicySpec, sources: TypeSources): GroupVersionKind[] {
  const found = new Map<string, GroupVersionKind>();
  for (const rule of matchConstraints?.resourceRules ?? []) {
    for (const { group, version, kind } of kindsOfRule(rule, sources)) {
      if (sources.schema.kind({ group, version, kind }) === undefined) continue;
      if (found.size < limits.policyTypesCheckedMax)
        found.set(`${group}\0${version}\0${kind}`, { group, version, kind });
    }
  }
  return [...found].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, kind]) => kind);
}

/** In the order of groups, versions and resources. */
function kindsOfRule(rule: NamedRuleWithOperations, { resources: served }: TypeSources): ResourceInfo[] {
  const groups = listed(rule.apiGroups ?? []);
  const versions = listed(rule.apiVersions ?? []);
  const names = (rule.resources ?? []).filter((name) => !/[*/]/.test(name)).toSorted();
  const wanted = groups.flatMap((group) =>
    versions.flatMap((version) => names.map((resource) => `${group}/${version}/${resource}`)),
  );
  if (wanted.length === 0) return [];
  const rows = new Map(Array.from(served.all, (row) => [`${row.group}/${row.version}/${row.resource}`, row]));
  return wanted.flatMap((place) => rows.get(place) ?? []);
}

/** None where one of them is a wildcard. */
function listed(names: readonly string[]): readonly string[] {
  return names.some((name) => name.includes('*')) ? [] : names.toSorted();
}
