/**
 * Which policies a request concerns, with which bindings and parameters: what validating and mutating policies have in common.
 *
 * Kept true: a policy that does not match costs no more than its criteria, and nothing is converted or read for it.
 */
import type { KubeObject } from '../../../api/object.ts';
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../api/schema/types/admissionregistration-v1.ts';
import { forbidden, notFound, StatusError } from '../../../api/status-error.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Asked, Form } from '../asked.ts';
import type { AdmissionAttributes } from '../attributes.ts';
import { criteriaOf } from './bound-criteria.ts';
import { type Inputs, namespaceValue, objectValue, once, requestInputs } from './inputs.ts';
import { ConfigurationFault, collectParams, paramRow } from './params.ts';
import type { PolicyHook } from './policy-source.ts';

export type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;
export type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

/** A policy that the request concerns, in the form in which it wants the objects; or why that cannot be said. */
export interface Concerned<H> {
  readonly hook: H;
  readonly match: Form | ConfigurationFault;
}

const group = 'admissionregistration.k8s.io';
/** Policies are never asked about policies: else nobody could take back one that refuses everything. */
const exempt: ReadonlySet<string> = new Set([
  `validatingadmissionpolicies.${group}`,
  `validatingadmissionpolicybindings.${group}`,
  `mutatingadmissionpolicies.${group}`,
  `mutatingadmissionpolicybindings.${group}`,
  // Questions that store nothing.
  'selfsubjectreviews.authentication.k8s.io',
  'tokenreviews.authentication.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
]);

/** Those of `hooks` that the request concerns, in their order. */
export function concernedBy<H extends PolicyHook<Policy, Binding, unknown>>(
  { collection }: AdmissionRequest,
  asked: Asked,
  hooks: readonly H[],
): Concerned<H>[] {
  if (exempt.has(collection)) return [];
  const concerned: Concerned<H>[] = [];
  for (const hook of hooks) {
    const match = matchOf(asked, hook.policy.spec?.matchConstraints);
    if (match !== undefined) concerned.push({ hook, match });
  }
  return concerned;
}

function matchOf(asked: Asked, resources: MatchResources | undefined): Form | ConfigurationFault | undefined {
  if (resources === undefined) {
    return new ConfigurationFault('policy contained no match constraints, a required field');
  }
  try {
    return criteriaOf(resources).match(asked);
  } catch (error) {
    if (error instanceof StatusError) return new ConfigurationFault(error.message);
    throw error;
  }
}

/** A binding that the request concerns too, with the parameters to evaluate its policy with. */
export interface Invocation<B> {
  readonly binding: B;
  readonly params: readonly (KubeObject | undefined)[];
}

export interface Configured<B> {
  readonly invocations: readonly Invocation<B>[];
  /** Without a binding: the policy's own. */
  readonly faults: readonly { readonly binding: B | undefined; readonly message: string }[];
}

/** What of the policy is to be evaluated, and what cannot be. */
export async function configuredOf<P extends Policy, B extends Binding>(
  asked: Asked,
  { hook, match }: Concerned<PolicyHook<P, B, unknown>>,
): Promise<Configured<B>> {
  const invocations: Invocation<B>[] = [];
  const faults: { binding: B | undefined; message: string }[] = [];
  const { paramKind } = hook.policy.spec ?? {};
  const row = match instanceof ConfigurationFault ? match : await attempt(() => paramRow(asked.environment, paramKind));
  if (row instanceof ConfigurationFault) {
    return { invocations, faults: [{ binding: undefined, message: `failed to configure policy: ${row.message}` }] };
  }
  for (const binding of hook.bindings) {
    const params = await attempt(() => {
      const { matchResources, paramRef } = binding.spec ?? {};
      if (matchResources && criteriaOf(matchResources).match(asked) === undefined) return [];
      return collectParams(asked.environment, row, paramRef, asked.namespace);
    });
    if (params instanceof ConfigurationFault) {
      faults.push({ binding, message: `failed to configure binding: ${params.message}` });
    } else if (params.length > 0) invocations.push({ binding, params });
  }
  return { invocations, faults };
}

async function attempt<T>(work: () => T | Promise<T>): Promise<T | ConfigurationFault> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigurationFault) return error;
    if (error instanceof StatusError) return new ConfigurationFault(error.message);
    throw error;
  }
}

/** What expressions read of the request, and of its parameters. */
export function inputsOf(attributes: AdmissionAttributes, form: Form, others: Inputs): Inputs {
  return { ...requestInputs(attributes, form.resource), ...others };
}

export function paramInput(param: KubeObject | undefined): Inputs {
  return { params: once(() => objectValue(param)) };
}

/** `namespaceObject`. @throws StatusError NotFound */
export function namespaceInput(asked: Asked, { kind }: AdmissionAttributes): Inputs {
  const isNamespace = kind.group === '' && kind.version === 'v1' && kind.kind === 'Namespace';
  const name = isNamespace ? '' : asked.namespace;
  if (name === '') return { namespaceObject: () => null };
  const entry = asked.environment.store.get({ collection: 'namespaces', namespace: '', name });
  if (entry === undefined) throw notFound({ group: '', kind: 'namespaces', name });
  return { namespaceObject: once(() => namespaceValue(entry.object)) };
}

/** The refusal's frame: `deployments.apps "web" is forbidden: …`. */
export function refusalOf({ draft, operation }: AdmissionRequest, asked: Asked, why: string): StatusError {
  const { group: apiGroup, resource: kind } = asked.own.resource;
  const { name: given, generateName } = operation === 'DELETE' ? {} : (draft?.metadata ?? {});
  const name = asked.name || given || generateName || 'Unknown';
  return forbidden({ group: apiGroup, kind, name }, why);
}
