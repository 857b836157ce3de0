/**
 * Whether the expressions of a ValidatingAdmissionPolicy fit the kinds that it is for: what stands in its status (`typeChecking`). A warning
 * alters nothing of what the policy does.
 *
 * Checked are the kinds that its rules name one by one: no wildcards, no subresources, and no more than `limits.policyTypesCheckedMax` a rule.
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

export function checkPolicyTypes({ spec = {} }: ValidatingAdmissionPolicy, sources: TypeSources): ExpressionWarning[] {
  const checks = checksOf(spec, sources);
  return (spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, index) => {
    const path = `spec.validations[${index}]`;
    const messages = messageExpression === '' ? [] : checks.warnings(`${path}.messageExpression`, messageExpression);
    return [...checks.warnings(`${path}.expression`, expression), ...messages];
  });
}

interface Checks {
  warnings(fieldRef: string, expression: string): ExpressionWarning[];
}

/** One for each kind: `apps/v1, Kind=Deployment`, and the expressions as they are for it. */
function checksOf(spec: ValidatingAdmissionPolicySpec, sources: TypeSources): Checks {
  const params = spec.paramKind && paramType(spec.paramKind, sources);
  const hasParams = spec.paramKind !== undefined;
  const kinds = kindsToCheck(spec, sources).map((kind) => {
    const expressions = new PolicyExpressions({
      hasParams,
      hasVariables: true,
      object: objectType(kind, sources),
      params,
    });
    for (const { name, expression } of spec.variables ?? []) expressions.addVariable(name, expression);
    return { name: `${kind.group}/${kind.version}, Kind=${kind.kind}`, expressions };
  });
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
    const kinds = kindsOfRule(rule, sources).filter((kind) => sources.schema.kind(kind) !== undefined);
    for (const { group, version, kind } of kinds) found.set(`${group}\0${version}\0${kind}`, { group, version, kind });
    if (kinds.length === limits.policyTypesCheckedMax) break;
  }
  return [...found].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, kind]) => kind);
}

/** In the order of groups, versions and resources, as many as are checked. */
function kindsOfRule(rule: NamedRuleWithOperations, { resources: served }: TypeSources): ResourceInfo[] {
  const groups = listed(rule.apiGroups ?? []);
  const versions = listed(rule.apiVersions ?? []);
  const names = (rule.resources ?? []).filter((name) => !/[*/]/.test(name)).toSorted();
  const wanted = groups.flatMap((group) =>
    versions.flatMap((version) => names.map((resource) => `${group}/${version}/${resource}`)),
  );
  if (wanted.length === 0) return [];
  const rows = new Map(Array.from(served.all, (row) => [`${row.group}/${row.version}/${row.resource}`, row]));
  return wanted.flatMap((place) => rows.get(place) ?? []).slice(0, limits.policyTypesCheckedMax);
}

/** None where one of them is a wildcard. */
function listed(names: readonly string[]): readonly string[] {
  return names.some((name) => name.includes('*')) ? [] : names.toSorted();
}
