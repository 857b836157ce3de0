/**
 * ValidatingAdmissionWebhook: all webhooks that a request concerns are asked at once, and any of them can refuse it.
 *
 * Of several refusals the client is told the first in the order of the webhooks, whichever came first.
 */
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Asked, Form } from '../asked.ts';
import { isExempt } from '../match.ts';
import { askHook } from './ask-hook.ts';
import { callHook, Deadline } from './call-hook.ts';
import { type Hook, Hooks } from './hook.ts';
import type { WebhookDependencies } from './webhook-dependencies.ts';

export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionWebhook';
  readonly everyOperation = true;
  readonly #dependencies: WebhookDependencies;
  readonly #hooks = new Hooks('validating');

  constructor(dependencies: WebhookDependencies) {
    this.#dependencies = dependencies;
  }

  validate(request: AdmissionRequest): Promise<void> | undefined {
    const hooks = this.#hooks.of(request.store);
    const isAsked = hooks.length > 0 && this.#dependencies.outside?.isOpen !== false;
    return isAsked ? this.#ask(request, hooks) : undefined;
  }

  async #ask(request: AdmissionRequest, hooks: readonly Hook[]): Promise<void> {
    const asked = request.asked();
    if (isExempt(asked)) return;
    const concerned: Concerned[] = [];
    for (const hook of hooks) {
      const form = hook.criteria.match(asked);
      if (form === undefined) continue;
      const met = hook.conditions.isEmpty || (await hook.conditions.areMet({ hook, asked, form }, this.#dependencies));
      if (met) concerned.push({ hook, form });
    }
    if (concerned.length === 0) return;
    const deadline = new Deadline();
    const answers = await Promise.allSettled(
      concerned.map((each, index) => this.#askOne(request, asked, each, deadline, index)),
    );
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  }

  async #askOne(
    request: AdmissionRequest,
    asked: Asked,
    { hook, form }: Concerned,
    deadline: Deadline,
    index: number,
  ): Promise<void> {
    const { outside } = this.#dependencies;
    const attributes = await asked.as(form);
    const answer = await askHook(hook, request, this.#dependencies, () =>
      callHook(hook, attributes, request, { outside, deadline }),
    );
    if (answer !== undefined) return;
    request.annotate(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, hook.name);
  }
}

interface Concerned {
  readonly hook: Hook;
  readonly form: Form;
}
