/** How admission kinds are printed: webhooks, policies and their bindings. */
import type {
  MutatingAdmissionPolicy,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../schema/types/admissionregistration-v1.ts';
import type { LabelSelector } from '../schema/types/meta-v1.ts';
import { ageColumn, integer, nameColumn, type Printer, printer, text } from './column.ts';

const webhooks = printer<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
  nameColumn,
  integer('Webhooks', ({ webhooks: all }) => all?.length),
  ageColumn,
);

function paramKind({ spec }: ValidatingAdmissionPolicy | MutatingAdmissionPolicy): string {
  return spec?.paramKind === undefined ? '<unset>' : `${spec.paramKind.apiVersion}/${spec.paramKind.kind}`;
}

const validatingPolicies = printer<ValidatingAdmissionPolicy>(
  nameColumn,
  integer('Validations', ({ spec }) => spec?.validations?.length),
  text('ParamKind', paramKind),
  ageColumn,
);

const mutatingPolicies = printer<MutatingAdmissionPolicy>(
  nameColumn,
  integer('Mutations', ({ spec }) => spec?.mutations?.length),
  text('ParamKind', paramKind),
  ageColumn,
);

/** A selector as Go prints the struct: the one place where upstream shows it so. */
function goSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}: ${value},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.sort().join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}

/** Whether parameters stand in namespaces cannot be told from here: `*` is said where none is named. */
const policyBindings = printer<ValidatingAdmissionPolicyBinding>(
  nameColumn,
  text('PolicyName', ({ spec }) => spec?.policyName ?? ''),
  text('ParamRef', ({ spec }) => {
    const ref = spec?.paramRef;
    if (ref?.name) return `${ref.namespace || '*'}/${ref.name}`;
    return ref?.selector === undefined ? '<unset>' : goSelector(ref.selector);
  }),
  ageColumn,
);

export const admissionPrinters: Readonly<Record<string, Printer>> = {
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhooks,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhooks,
  'validatingadmissionpolicies.admissionregistration.k8s.io': validatingPolicies,
  'mutatingadmissionpolicies.admissionregistration.k8s.io': mutatingPolicies,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': policyBindings,
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': policyBindings,
};
