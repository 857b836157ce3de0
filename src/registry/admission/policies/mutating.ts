/**
 * MutatingAdmissionPolicy (KEP-3962): policies in CEL that change what is written, by applied configurations and JSON patches.
 *
 * ```
 *  which policies and bindings? (asked once, of the object as it came)
 *     └▶ in the order of their names, parameter by parameter: conditions ─ mutations, each on what the one before made ─ decoded, defaults
 *            └ changed? ─▶ the round is gone through once more, for those that want it
 * ```
 * Kept true: a mutation that fails changes nothing, and is the policy's `failurePolicy` to judge; all others are made. A request that no
 * policy concerns is answered at once, without a promise.
 */
import type { CompiledExpression } from '../../../api/cel/policy-expressions.ts';
import type { JsonObject, KubeObject } from '../../../api/object.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from '../../../api/schema/types/admissionregistration-v1.ts';
import { StatusError, type StatusReason } from '../../../api/status-error.ts';
import type { CelValue } from '../../../lib/cel/values.ts';
import { limits } from '../../../lib/limits.ts';
import type { Authorizer } from '../../request.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Asked, Form } from '../asked.ts';
import type { AdmissionAttributes } from '../attributes.ts';
import { MutationFault, withConfiguration } from './apply-configuration.ts';
import { type CompiledMutatingPolicy, type CompiledMutation, compileMutatingPolicy } from './compiled-policies.ts';
import { OutOfBudget, Run } from './evaluation.ts';
import type { Inputs } from './inputs.ts';
import {
  type Concerned,
  concernedBy,
  configuredOf,
  inputsOf,
  namespaceInput,
  paramInput,
  refusalOf,
} from './invocations.ts';
import { withJsonPatch } from './json-patch.ts';
import { meetsConditions } from './match-conditions.ts';
import { checkError, type PolicyMetrics, policyMetrics } from './metrics.ts';
import { Pace } from './pace.ts';
import { type PolicyHook, PolicySource } from './policy-source.ts';
import { authorizerInputs, questionsTo, settled } from './questions.ts';
import { PolicyReinvocations } from './reinvocation.ts';
import type { PoliciesOptions } from './validating.ts';

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;
type Hook = PolicyHook<Policy, Binding, CompiledMutatingPolicy>;

interface Fault {
  readonly message: string;
  readonly reason: StatusReason;
}

export class MutatingPolicies implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionPolicy';
  readonly everyOperation = true;
  readonly #authorizer: Authorizer | undefined;
  readonly #metrics: PolicyMetrics;
  readonly #source = new PolicySource<Policy, Binding, CompiledMutatingPolicy>({
    policies: 'mutatingadmissionpolicies.admissionregistration.k8s.io',
    bindings: 'mutatingadmissionpolicybindings.admissionregistration.k8s.io',
    compile: ({ spec = {} }) => compileMutatingPolicy(spec),
  });

  constructor({ authorizer, metrics }: PoliciesOptions) {
    this.#authorizer = authorizer;
    this.#metrics = policyMetrics(metrics);
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    if (request.operation === 'DELETE') return;
    const hooks = this.#source.hooks(request.store);
    if (hooks.length === 0) return;
    const asked = request.asked();
    const concerned = concernedBy(request, asked, hooks);
    return concerned.length === 0 ? undefined : this.#apply(request, asked, concerned);
  }

  async #apply(request: AdmissionRequest, asked: Asked, concerned: readonly Concerned<Hook>[]): Promise<void> {
    const reinvocations = request.reinvocation.notesOf(this, () => new PolicyReinvocations());
    if (request.reinvocation.round === 1) reinvocations.enter((await asked.as(asked.own)).object);
    const round = new Round(request, asked, reinvocations, this.#authorizer, this.#metrics);
    for (const invocation of await invocationsOf(asked, concerned, round)) await round.invoke(invocation);
    reinvocations.leave((await asked.as(asked.own)).object);
    const [first] = round.faults;
    if (first === undefined) return;
    const { code, details } = refusalOf(request, asked, first.message);
    const causes = round.faults.map(({ message }) => ({ message }));
    throw new StatusError(code, first.reason, first.message, { ...details, causes });
  }
}

/** A policy, bound, with one of the binding's parameters. */
interface Invocation {
  readonly hook: Hook;
  readonly form: Form;
  readonly binding: Binding;
  readonly param: KubeObject | undefined;
}

async function invocationsOf(asked: Asked, concerned: readonly Concerned<Hook>[], round: Round): Promise<Invocation[]> {
  const all: Invocation[] = [];
  for (const one of concerned) {
    const { hook, match: form } = one;
    const { invocations, faults } = await configuredOf(asked, one);
    for (const { binding, message } of faults) round.fault(hook.policy, binding, message, 'Forbidden');
    if (form instanceof Error) continue;
    for (const { binding, params } of invocations) {
      for (const param of params) all.push({ hook, form, binding, param });
    }
  }
  return all;
}

/** All mutations of one request, of the first round or the second. */
class Round {
  readonly faults: Fault[] = [];
  readonly #request: AdmissionRequest;
  readonly #asked: Asked;
  readonly #reinvocations: PolicyReinvocations;
  readonly #metrics: PolicyMetrics;
  readonly #questions: ReturnType<typeof questionsTo>;
  readonly #pace: Pace;

  constructor(
    request: AdmissionRequest,
    asked: Asked,
    reinvocations: PolicyReinvocations,
    authorizer: Authorizer | undefined,
    metrics: PolicyMetrics,
  ) {
    this.#request = request;
    this.#asked = asked;
    this.#reinvocations = reinvocations;
    this.#metrics = metrics;
    this.#questions = questionsTo(authorizer);
    this.#pace = new Pace(request.clock);
  }

  fault(policy: Policy, binding: Binding | undefined, why: string, reason: StatusReason): void {
    if (policy.spec?.failurePolicy === 'Ignore') return;
    const name = nameOf(policy);
    const who = binding === undefined ? JSON.stringify(name) : `'${name}' with binding '${nameOf(binding)}'`;
    this.faults.push({ message: `policy ${who} denied request: ${why}`, reason });
  }

  async invoke(invocation: Invocation): Promise<void> {
    const { hook, form } = invocation;
    const attributes = await this.#asked.as(form);
    if (!(await this.#isMet(invocation, attributes))) return;
    const key = keyOf(invocation);
    if (this.#request.reinvocation.round === 1 && !this.#reinvocations.isWanted(key)) return;
    if (attributes.object === undefined) return;
    let changed = false;
    for (const mutation of hook.compiled.mutations) {
      if (await this.#mutate(invocation, mutation)) changed = true;
      const rest = this.#pace.rest();
      if (rest) await rest;
    }
    if (changed) {
      this.#reinvocations.changed();
      this.#request.reinvocation.isWanted = true;
    }
    if (hook.policy.spec?.reinvocationPolicy === 'IfNeeded') this.#reinvocations.made(key);
  }

  async #isMet(invocation: Invocation, attributes: AdmissionAttributes): Promise<boolean> {
    const { hook, binding } = invocation;
    const { conditions, variables } = hook.compiled;
    if (conditions.length === 0) return true;
    const inputs = { ...this.#inputs(invocation, attributes), namespaceObject: () => null };
    const { clock, operation } = this.#request;
    const startMs = clock.monotonic();
    const met = await settled(this.#questions, () => meetsConditions(conditions, { inputs, variables }));
    this.#metrics.conditionsTook(nameOf(hook.policy), operation, (clock.monotonic() - startMs) / 1000);
    if (met.kind === 'error') {
      this.#metrics.conditionsFailed(nameOf(hook.policy), operation);
      this.fault(hook.policy, binding, met.message, 'Invalid');
    }
    return met.kind === 'met';
  }

  /** True where the object is another one now. */
  async #mutate(invocation: Invocation, mutation: CompiledMutation): Promise<boolean> {
    const { hook, form, binding } = invocation;
    const { clock } = this.#request;
    const startMs = clock.monotonic();
    const count = (error: ReturnType<typeof checkError>): void => {
      const seconds = (clock.monotonic() - startMs) / 1000;
      this.#metrics.mutated({ policy: nameOf(hook.policy), binding: nameOf(binding), error, seconds });
    };
    try {
      const patched = await this.#patched(invocation, mutation);
      const changed = await this.#asked.replace(form, patched);
      count('no_error');
      return changed;
    } catch (error) {
      if (error instanceof StatusError) count('invalid_error');
      if (!(error instanceof MutationFault || error instanceof OutOfBudget)) throw error;
      count(checkError(error.message));
      this.fault(hook.policy, binding, error.message, 'Invalid');
      return false;
    }
  }

  async #patched(invocation: Invocation, { kind, expression }: CompiledMutation): Promise<JsonObject> {
    const { form, hook } = invocation;
    const attributes = await this.#asked.as(form);
    const type = this.#asked.environment.served.schema.kind(form.kind);
    if (type === undefined) throw unknownKind(form);
    const inputs = { ...this.#inputs(invocation, attributes), ...namespaceInput(this.#asked, attributes) };
    const { variables } = hook.compiled;
    const value = await settled(this.#questions, () => evaluated(expression, inputs, variables));
    if (value instanceof Error) throw value;
    const object = attributes.object as unknown as JsonObject;
    return kind === 'apply' ? withConfiguration(type, object, value) : withJsonPatch(type, object, value);
  }

  #inputs({ form, param }: Invocation, attributes: AdmissionAttributes): Inputs {
    const authorizer = authorizerInputs(this.#asked, this.#questions);
    return inputsOf(attributes, form, { ...authorizer, ...paramInput(param) });
  }
}

/** An error is no exception here: what an authorizer did not answer yet may only look like one. */
function evaluated(
  expression: CompiledExpression,
  inputs: Inputs,
  variables: ReadonlyMap<string, CompiledExpression>,
): CelValue | Error {
  if (expression.kind === 'error') return new MutationFault(expression.error);
  try {
    const outcome = new Run({ inputs, variables, budget: limits.celPolicyCostMax }).evaluate(expression);
    return outcome.kind === 'value' ? outcome.value : new MutationFault(outcome.message);
  } catch (error) {
    if (error instanceof OutOfBudget) return error;
    throw error;
  }
}

function unknownKind({ kind }: Form): StatusError {
  const shown = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  const why = 'There can be a delay between when CustomResourceDefinitions are created and when they are available.';
  return new StatusError(503, 'ServiceUnavailable', `Resource kind ${shown} not found. ${why}`);
}

const nameOf = ({ metadata }: Policy | Binding): string => metadata?.name ?? '';

function keyOf({ hook, binding, param }: Invocation): string {
  const { namespace = '', name = '' } = param?.metadata ?? {};
  return JSON.stringify([nameOf(hook.policy), nameOf(binding), namespace, name]);
}
