/**
 * MutatingAdmissionWebhook: the webhooks that a request concerns are asked one after another, each about what those before it made.
 *
 * ```
 *  round 0:  hook 1 ─ patch ─▶ hook 2 ─ patch ─▶ hook 3            something changed? all plugins once more, and then
 *  round 1:  hooks that want to be asked again (`reinvocationPolicy: IfNeeded`), where somebody changed the object after they saw it
 * ```
 * Kept true, as upstream: there is no third round; nobody is asked in the second who was not asked in the first.
 */

import { parseJson } from '../../../api/decode-json.ts';
import { refuseInexact } from '../../../api/number-literals.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../../api/object.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import { internalError, StatusError } from '../../../api/status-error.ts';
import { limits } from '../../../lib/limits.ts';
import { draftOf, sameJson } from '../../draft.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Asked, Form } from '../asked.ts';
import { isExempt } from '../match.ts';
import { askHook } from './ask-hook.ts';
import { CallFault, callHook, Deadline } from './call-hook.ts';
import { type Hook, Hooks } from './hook.ts';
import type { ReviewAnswer } from './review.ts';
import type { WebhookDependencies } from './webhook-dependencies.ts';

/** What is remembered from one round to the next, by the webhooks' ids. */
class Rounds {
  readonly deadline = new Deadline();
  /** Asked already, and they want to hear of later changes. */
  #interested = new Set<string>();
  readonly #due = new Set<string>();
  #output: unknown;

  isDue({ id }: Hook): boolean {
    return this.#due.has(id);
  }

  asked({ id, reinvoked }: Hook): void {
    if (reinvoked) this.#interested.add(id);
  }

  changed(): void {
    for (const id of this.#interested) this.#due.add(id);
    this.#interested = new Set();
  }

  /** How the last webhook left the draft. */
  keep(draft: object | undefined): void {
    this.#output = draft && draftOf(draft);
  }

  isAsLeft(draft: object | undefined): boolean {
    return sameJson(this.#output, draft);
  }
}

export class MutatingWebhooks implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook';
  readonly everyOperation = true;
  readonly #dependencies: WebhookDependencies;
  readonly #hooks = new Hooks('admit');

  constructor(dependencies: WebhookDependencies) {
    this.#dependencies = dependencies;
  }

  mutate(request: AdmissionRequest): Promise<void> | undefined {
    const hooks = this.#hooks.of(request.store);
    const isAsked = hooks.length > 0 && this.#dependencies.outside?.isOpen !== false;
    return isAsked ? this.#ask(request, hooks) : undefined;
  }

  async #ask(request: AdmissionRequest, hooks: readonly Hook[]): Promise<void> {
    const asked = request.asked();
    if (isExempt(asked)) return;
    const rounds = request.reinvocation.notesOf(this, () => new Rounds());
    if (request.reinvocation.round === 1 && !rounds.isAsLeft(request.draft)) rounds.changed();
    for (const [index, hook] of hooks.entries()) {
      const form = await this.#formFor(hook, asked);
      if (form === undefined) continue;
      if (request.reinvocation.round === 1 && !rounds.isDue(hook)) continue;
      await new Question(hook, form, index, { request, asked, rounds, dependencies: this.#dependencies }).ask();
    }
    // Only who is asked again compares.
    if (request.reinvocation.round === 0 && hooks.some(({ reinvoked }) => reinvoked)) rounds.keep(request.draft);
  }

  async #formFor(hook: Hook, asked: Asked): Promise<Form | undefined> {
    const form = hook.criteria.match(asked);
    if (form === undefined || hook.conditions.isEmpty) return form;
    return (await hook.conditions.areMet({ hook, asked, form }, this.#dependencies)) ? form : undefined;
  }
}

interface Surroundings {
  readonly request: AdmissionRequest;
  readonly asked: Asked;
  readonly rounds: Rounds;
  readonly dependencies: WebhookDependencies;
}

/** One webhook, asked in one round. */
class Question {
  readonly #hook: Hook;
  readonly #form: Form;
  readonly #place: string;
  readonly #surroundings: Surroundings;

  constructor(hook: Hook, form: Form, index: number, surroundings: Surroundings) {
    this.#hook = hook;
    this.#form = form;
    this.#place = `round_${surroundings.request.reinvocation.round}_index_${index}`;
    this.#surroundings = surroundings;
  }

  async ask(): Promise<void> {
    const { request, rounds, dependencies } = this.#surroundings;
    let changed = false;
    try {
      const answered = await askHook(this.#hook, request, dependencies, () => this.#askAndPatch());
      if (answered === undefined) {
        request.annotate(`failed-open.mutation.webhook.admission.k8s.io/${this.#place}`, this.#hook.name);
      }
      changed = answered ?? false;
    } finally {
      this.#note('mutation', { mutated: changed });
    }
    if (changed) {
      rounds.changed();
      request.reinvocation.isWanted = true;
    }
    rounds.asked(this.#hook);
  }

  /** True where the object is another one now. */
  async #askAndPatch(): Promise<boolean> {
    const { request, asked, rounds, dependencies } = this.#surroundings;
    const { outside } = dependencies;
    const attributes = await asked.as(this.#form);
    const answer = await callHook(this.#hook, attributes, request, { outside, deadline: rounds.deadline });
    const patch = this.#patchOf(answer);
    if (patch.length === 0) return false;
    if (attributes.object === undefined) throw internalError(new Error(this.#cannotModify()));
    const changed = await asked.replace(this.#form, patched(attributes.object, patch));
    this.#note('patch', { patch, patchType: answer.patchType }, 'Request');
    return changed;
  }

  /** @throws CallFault */
  #patchOf({ patch, patchType }: ReviewAnswer): JsonValue[] {
    if (patch === '') return [];
    const undecodable = 'received undecodable patch in webhook response';
    if (patch.length > limits.requestBodyBytesMax) {
      throw new CallFault(this.#hook, `${undecodable}: it has more than ${limits.requestBodyBytesMax} bytes`, 503);
    }
    let decoded: JsonValue;
    try {
      decoded = parseJson(Buffer.from(patch)).value;
      refuseInexact(decoded);
    } catch (error) {
      throw new CallFault(this.#hook, `${undecodable}: ${(error as Error).message}`, 503, error);
    }
    if (decoded === null) return [];
    if (!Array.isArray(decoded)) {
      throw new CallFault(
        this.#hook,
        `${undecodable}: json: cannot unmarshal into Go value of type jsonpatch.Patch`,
        503,
      );
    }
    if (decoded.length > 0 && patchType !== 'JSONPatch') {
      throw new CallFault(this.#hook, `unsupported patch type ${JSON.stringify(patchType)}`, 400);
    }
    return decoded;
  }

  #cannotModify(): string {
    const name = JSON.stringify(this.#hook.name);
    return `admission webhook ${name} attempted to modify the object, which is not supported for this operation`;
  }

  #note(what: 'mutation' | 'patch', value: JsonObject, level?: 'Request'): void {
    const { configuration, name } = this.#hook;
    const text = JSON.stringify({ configuration, webhook: name, ...value });
    this.#surroundings.request.annotate(`${what}.webhook.admission.k8s.io/${this.#place}`, text, level);
  }
}

/** @throws StatusError InternalError, as upstream: the client is not to blame */
function patched(object: KubeObject, patch: JsonValue[]): JsonObject {
  try {
    return applyJsonPatch(object as unknown as JsonObject, patch);
  } catch (error) {
    throw error instanceof StatusError ? internalError(error) : error;
  }
}
