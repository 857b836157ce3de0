/**
 * Who writes an admission policy that reads parameters, or a binding that names some, has to be allowed to read them: its messages and refusals
 * tell what stands in them.
 *
 * ```
 *  policy with paramKind     get all objects of that kind, in all namespaces
 *  binding with paramRef     get that one by its name, in its namespace
 * ```
 * Where nobody serves the kind, or the policy is not there, all resources of the group, or of all groups. A change that leaves both as they were
 * asks nothing. Asked by the registry for every write, before validation; what is refused reads as validation's own errors, as upstream has it.
 */
import { forbiddenField } from '../../api/field-error.ts';
import type { ResourceTable } from '../../api/resource-table.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
} from '../../api/schema/types/admissionregistration-v1.ts';
import { invalid } from '../../api/status-error.ts';
import { sameJson } from '../../registry/draft.ts';
import type { GrantGuard, GrantRequest } from '../../registry/grant-guard.ts';
import type { Authorizer, UserInfo } from '../../registry/request.ts';
import type { Store } from '../../store/store.ts';

const group = 'admissionregistration.k8s.io';

/** Validating ones have the same fields. */
type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;

export interface PolicyParamGuardOptions {
  readonly authorizer: Authorizer;
  readonly resources: ResourceTable;
  readonly store: Store;
}

/** By resource, where its policies stand. */
const policiesOf: Readonly<Record<string, string>> = {
  validatingadmissionpolicybindings: `validatingadmissionpolicies.${group}`,
  mutatingadmissionpolicybindings: `mutatingadmissionpolicies.${group}`,
};
const policyResources: ReadonlySet<string> = new Set(['validatingadmissionpolicies', 'mutatingadmissionpolicies']);

export class PolicyParamGuard implements GrantGuard {
  readonly #options: PolicyParamGuardOptions;

  constructor(options: PolicyParamGuardOptions) {
    this.#options = options;
  }

  check(request: GrantRequest): Promise<void> | undefined {
    const { resource, subresource } = request.target;
    if (resource.group !== group || subresource !== '') return undefined;
    if (request.target.user.groups.includes('system:masters')) return undefined;
    if (policyResources.has(resource.resource)) return this.#checkPolicy(request);
    const policies = policiesOf[resource.resource];
    return policies === undefined ? undefined : this.#checkBinding(request, policies);
  }

  #checkPolicy(request: GrantRequest): Promise<void> | undefined {
    const [policy, before]: [Policy, Policy | undefined] = [request.object, request.old];
    const { spec } = policy;
    if (spec?.paramKind === undefined || sameJson(spec.paramKind, before?.spec?.paramKind)) return undefined;
    const { apiVersion = '', kind = '' } = spec.paramKind;
    const why = `must have "get" permission on all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`;
    return this.#ask(request, spec.paramKind, { name: '*', namespace: '*' }, { path: 'spec.paramKind', why });
  }

  #checkBinding(request: GrantRequest, collection: string): Promise<void> | undefined {
    const [binding, old]: [Binding, Binding | undefined] = [request.object, request.old];
    const [spec, before] = [binding.spec, old?.spec];
    if (spec?.paramRef === undefined) return undefined;
    if (sameJson(spec.paramRef, before?.paramRef) && spec.policyName === before?.policyName) return undefined;
    const key = { collection, namespace: '', name: spec.policyName ?? '' };
    const policy: Policy | undefined = this.#options.store.get(key)?.object;
    const kind = policy?.spec?.paramKind;
    const why = 'does not have "get" permission on the object referenced by paramRef';
    return this.#ask(request, kind, spec.paramRef, { path: 'spec.paramRef', why });
  }

  /** @throws StatusError Invalid */
  async #ask(
    { target }: GrantRequest,
    kind: ParamKind | undefined,
    { name = '', namespace = '' }: ParamRef,
    refusal: { readonly path: string; readonly why: string },
  ): Promise<void> {
    const { user } = target;
    const what = this.#resourceOf(kind);
    const { allowed } = await this.#options.authorizer.decide({
      ...what,
      user,
      verb: 'get',
      subresource: '',
      namespace,
      name,
      path: '',
    });
    if (allowed) return;
    const subject = { group, kind: target.resource.kind, name: target.name };
    throw invalid(subject, [forbiddenField(refusal.path, `user ${userText(user)} ${refusal.why}`)]);
  }

  #resourceOf(kind: ParamKind | undefined): { group: string; version: string; resource: string } {
    const parts = (kind?.apiVersion ?? '').split('/');
    if (kind === undefined || parts.length > 2) return { group: '*', version: '*', resource: '*' };
    const [version = '', apiGroup = ''] = parts.toReversed();
    const row = this.#options.resources.byKind({ group: apiGroup, version, kind: kind.kind ?? '' });
    return { group: apiGroup, version, resource: row?.resource ?? '*' };
  }
}

/** As Go prints its structure. */
function userText({ name, uid = '', groups, extra = {} }: UserInfo): string {
  const more = Object.keys(extra)
    .sort()
    .map((key) => `${key}:[${(extra[key] ?? []).join(' ')}]`);
  return `&{${name} ${uid} [${groups.join(' ')}] map[${more.join(' ')}]}`;
}
