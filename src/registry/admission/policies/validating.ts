/**
 * ValidatingAdmissionPolicy (KEP-3488): policies in CEL that refuse, warn of or note what they find in a request.
 *
 * Kept true: all policies and bindings are evaluated, whatever the first of them says, so that warnings and notes are whole; the first
 * refusal is the answer. A request that no policy concerns is answered at once, without a promise.
 */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../api/schema/types/admissionregistration-v1.ts';
import { StatusError, type StatusReason } from '../../../api/status-error.ts';
import type { MetricRegistry } from '../../../lib/metrics.ts';
import type { Authorizer } from '../../request.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Asked, Form } from '../asked.ts';
import type { AdmissionAttributes } from '../attributes.ts';
import { AuditAnnotations } from './audit-annotations.ts';
import { type CompiledValidatingPolicy, compileValidatingPolicy } from './compiled-policies.ts';
import { type Decision, decideValidation, type PolicyDecisions } from './decide-validation.ts';
import {
  type Concerned,
  concernedBy,
  configuredOf,
  type Invocation,
  inputsOf,
  namespaceInput,
  paramInput,
  refusalOf,
} from './invocations.ts';
import { type Enforcement, type PolicyMetrics, policyMetrics } from './metrics.ts';
import { Pace } from './pace.ts';
import { type PolicyHook, PolicySource } from './policy-source.ts';
import { authorizerInputs, questionsTo, settled } from './questions.ts';

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;
type Hook = PolicyHook<Policy, Binding, CompiledValidatingPolicy>;

export interface PoliciesOptions {
  readonly authorizer?: Authorizer | undefined;
  readonly metrics?: MetricRegistry | undefined;
}

interface Denial {
  readonly message: string;
  readonly reason: StatusReason;
}

export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy';
  readonly everyOperation = true;
  readonly #authorizer: Authorizer | undefined;
  readonly #metrics: PolicyMetrics;
  readonly #source = new PolicySource<Policy, Binding, CompiledValidatingPolicy>({
    policies: 'validatingadmissionpolicies.admissionregistration.k8s.io',
    bindings: 'validatingadmissionpolicybindings.admissionregistration.k8s.io',
    compile: ({ spec = {} }) => compileValidatingPolicy(spec),
  });

  constructor({ authorizer, metrics }: PoliciesOptions) {
    this.#authorizer = authorizer;
    this.#metrics = policyMetrics(metrics);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const hooks = this.#source.hooks(request.store);
    if (hooks.length === 0) return;
    const asked = request.asked();
    const concerned = concernedBy(request, asked, hooks);
    return concerned.length === 0 ? undefined : this.#check(request, asked, concerned);
  }

  async #check(request: AdmissionRequest, asked: Asked, concerned: readonly Concerned<Hook>[]): Promise<void> {
    const evaluation = new Evaluation(request, asked, this.#authorizer, this.#metrics);
    for (const one of concerned) await evaluation.policy(one);
    const [denial] = evaluation.denials;
    if (denial === undefined) return;
    const { message, details } = refusalOf(request, asked, denial.message);
    const causes = [{ message: denial.message }];
    throw new StatusError(codes[denial.reason] ?? 422, denial.reason, message, { ...details, causes });
  }
}

const codes: Readonly<Partial<Record<StatusReason, number>>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
};

/** All that policies say of one request. */
class Evaluation {
  readonly denials: Denial[] = [];
  readonly #request: AdmissionRequest;
  readonly #asked: Asked;
  readonly #metrics: PolicyMetrics;
  readonly #questions: ReturnType<typeof questionsTo>;
  readonly #pace: Pace;

  constructor(request: AdmissionRequest, asked: Asked, authorizer: Authorizer | undefined, metrics: PolicyMetrics) {
    this.#request = request;
    this.#asked = asked;
    this.#metrics = metrics;
    this.#questions = questionsTo(authorizer);
    this.#pace = new Pace(request.clock);
  }

  async policy(concerned: Concerned<Hook>): Promise<void> {
    const { hook, match } = concerned;
    const { invocations, faults } = await configuredOf(this.#asked, concerned);
    for (const { binding, message } of faults) this.#fault(hook.policy, binding, message);
    if (invocations.length === 0 || match instanceof Error) return;
    const attributes = await this.#attributes(hook, match, invocations);
    if (attributes === undefined) return;
    const annotations = new AuditAnnotations(nameOf(hook.policy));
    for (const invocation of invocations) await this.#binding(hook, match, attributes, invocation, annotations);
    annotations.publish(this.#request);
  }

  /** Undefined, and told: the objects cannot be had in that version. */
  async #attributes(
    { policy }: Hook,
    form: Form,
    invocations: readonly Invocation<Binding>[],
  ): Promise<AdmissionAttributes | undefined> {
    try {
      return await this.#asked.as(form);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const message = `failed to configure binding: failed to convert object version: ${error.message}`;
      for (const { binding } of invocations) this.#fault(policy, binding, message);
      return undefined;
    }
  }

  async #binding(
    hook: Hook,
    form: Form,
    attributes: AdmissionAttributes,
    { binding, params }: Invocation<Binding>,
    annotations: AuditAnnotations,
  ): Promise<void> {
    const { policy, compiled } = hook;
    const { clock } = this.#request;
    const namespace = namespaceInput(this.#asked, attributes);
    const base = inputsOf(attributes, form, authorizerInputs(this.#asked, this.#questions));
    for (const param of params) {
      const options = {
        policy: compiled,
        inputs: { ...base, ...paramInput(param) },
        namespace,
        failurePolicy: policy.spec?.failurePolicy ?? 'Fail',
        now: () => clock.monotonic() / 1000,
        conditionsTook: (seconds: number, failed: boolean) => this.#conditions(policy, seconds, failed),
      };
      const decided = await settled(this.#questions, () => this.#pace.through(decideValidation(options)));
      this.#enforce(policy, binding, decided, annotations);
      const rest = this.#pace.rest();
      if (rest) await rest;
    }
  }

  #enforce(policy: Policy, binding: Binding, decided: PolicyDecisions, annotations: AuditAnnotations): void {
    for (const [index, decision] of decided.decisions.entries()) {
      if (decision.action === 'deny') this.#denied(policy, binding, decision, index);
      else if (decision.error !== 'no_error') this.#count(policy, binding, decision, 'allow');
    }
    for (const annotation of decided.annotations) {
      if (annotation.kind === 'publish') annotations.add(annotation.key, annotation.value);
      else {
        const { message, seconds } = annotation;
        this.#deny(policy, binding, { message, seconds, action: 'deny', error: 'invalid_error' });
      }
    }
  }

  #denied(policy: Policy, binding: Binding, decision: Decision, index: number): void {
    for (const action of binding.spec?.validationActions ?? []) {
      if (action === 'Deny') this.#deny(policy, binding, decision);
      else if (action === 'Audit') this.#audit(policy, binding, decision, index);
      else if (action === 'Warn') {
        const where = `'${nameOf(policy)}' with binding '${nameOf(binding)}'`;
        this.#request.warn(`Validation failed for ValidatingAdmissionPolicy ${where}: ${decision.message}`);
        this.#count(policy, binding, decision, 'warn');
      }
    }
  }

  #deny(policy: Policy, binding: Binding, decision: Decision): void {
    const { message, reason = 'Invalid' } = decision;
    this.denials.push({ message: deniedText(policy, binding, message), reason });
    this.#count(policy, binding, decision, 'deny');
  }

  #audit(policy: Policy, binding: Binding, decision: Decision, expressionIndex: number): void {
    const failure = {
      message: decision.message,
      policy: binding.spec?.policyName ?? '',
      binding: nameOf(binding),
      expressionIndex,
      validationActions: binding.spec?.validationActions ?? [],
    };
    this.#request.annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify([failure]));
    this.#count(policy, binding, decision, 'audit');
  }

  #fault(policy: Policy, binding: Binding | undefined, message: string): void {
    if (policy.spec?.failurePolicy === 'Ignore') return;
    this.denials.push({ message: deniedText(policy, binding, message), reason: 'Invalid' });
  }

  #conditions(policy: Policy, seconds: number, failed: boolean): void {
    const { operation } = this.#request;
    this.#metrics.conditionsTook(nameOf(policy), operation, seconds);
    if (failed) this.#metrics.conditionsFailed(nameOf(policy), operation);
  }

  #count(policy: Policy, binding: Binding, { error, seconds }: Decision, enforcement: Enforcement): void {
    this.#metrics.validated({ policy: nameOf(policy), binding: nameOf(binding), error, seconds }, enforcement);
  }
}

const nameOf = ({ metadata }: Policy | Binding): string => metadata?.name ?? '';

function deniedText(policy: Policy, binding: Binding | undefined, message: string): string {
  const bound = binding === undefined ? '' : ` with binding '${nameOf(binding)}'`;
  return `ValidatingAdmissionPolicy '${nameOf(policy)}'${bound} denied request: ${message}`;
}
