/**
 * One question to one webhook: asked, answered, understood.
 *
 * ```
 *  allowed ─▶ the answer (with a patch, perhaps)      denied ─▶ StatusError, with the webhook's code and reason
 *  no answer, or none that holds ─▶ CallFault: the webhook's failurePolicy says whether the request fails with it
 * ```
 */
import { isQualifiedName } from '../../../api/names.ts';
import type { Status } from '../../../api/schema/types/meta-v1.ts';
import { badRequest, StatusError, type StatusReason } from '../../../api/status-error.ts';
import { limits } from '../../../lib/limits.ts';
import { uuid } from '../../../lib/prng.ts';
import { type OutsideCaller, OutsideFault } from '../../outside.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { AdmissionAttributes } from '../attributes.ts';
import type { Hook } from './hook.ts';
import { answerOf, type ReviewAnswer, reviewOf, reviewVersionOf, UnreadableAnswer, WrongAnswer } from './review.ts';

/** `failed calling webhook "x": failed to call webhook: Post "https://…": context deadline exceeded`. */
export class CallFault extends Error {
  /** For metrics. */
  readonly code: number;

  constructor(hook: Hook, why: string, code: number, cause?: unknown) {
    super(`failed calling webhook ${JSON.stringify(hook.name)}: ${why}`, { cause });
    this.code = code;
  }
}

/** When the request, with all that it asks, has to be done; from the first question on. */
export class Deadline {
  #endMs: number | undefined;

  /** What is left of `wantedMs`. @throws StatusError Timeout */
  leave(wantedMs: number, nowMs: number): number {
    this.#endMs ??= nowMs + limits.requestMsMax;
    // The webhook is told whole seconds.
    const leftMs = Math.ceil((this.#endMs - nowMs) / 1000) * 1000;
    if (leftMs > 0) return Math.min(wantedMs, leftMs);
    throw new StatusError(504, 'Timeout', 'Timeout: request did not complete within requested timeout', {});
  }
}

export interface CallOptions {
  readonly outside: OutsideCaller | undefined;
  readonly deadline: Deadline;
}

/** @throws CallFault, or StatusError where the webhook refuses */
export async function callHook(
  hook: Hook,
  attributes: AdmissionAttributes,
  request: AdmissionRequest,
  options: CallOptions,
): Promise<ReviewAnswer> {
  if (attributes.dryRun && !hook.supportsDryRun) {
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
  }
  const answer = await ask(hook, attributes, request, options);
  annotate(hook, answer, request);
  for (const warning of answer.warnings) request.warn(warning);
  if (!answer.allowed) throw denial(hook, answer.status);
  return answer;
}

/** Keys that are no qualified names are left out, as upstream. */
function annotate({ name }: Hook, { annotations }: ReviewAnswer, request: AdmissionRequest): void {
  const named = Object.entries(annotations).map(([key, value]) => [`${name}/${key}`, value] as const);
  const characters = named.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (characters > limits.webhookAnnotationsCharactersMax) return;
  for (const [key, value] of named) if (isQualifiedName(key).length === 0) request.annotate(key, value);
}

async function ask(
  hook: Hook,
  attributes: AdmissionAttributes,
  request: AdmissionRequest,
  { outside, deadline }: CallOptions,
): Promise<ReviewAnswer> {
  const { prng, clock } = request;
  const fault = (why: string, code: number, cause?: unknown): CallFault => new CallFault(hook, why, code, cause);
  request.waitsOutside();
  const timeoutMs = deadline.leave(hook.timeoutMs, clock.monotonic());
  try {
    if (outside === undefined) throw new OutsideFault('nobody outside can be called from here');
    const version = reviewVersionOf(hook.reviewVersions);
    const uid = uuid(prng);
    const review = reviewOf(attributes, uid, version);
    const { admissionAnswerBytesMax: answerBytesMax } = limits;
    const body = await outside.post(hook.target, review, { timeoutMs, answerBytesMax, tellsTimeout: true });
    return answerOf(body, { uid, version, mutates: hook.kind === 'admit' });
  } catch (error) {
    if (error instanceof OutsideFault || error instanceof UnreadableAnswer) {
      throw fault(`failed to call webhook: ${error.message}`, 503, error);
    }
    if (error instanceof WrongAnswer) throw fault(`received invalid webhook response: ${error.message}`, 503, error);
    throw error;
  }
}

const codeMin = 400;
const codeMax = 599;

function denial({ name }: Hook, { code = 0, reason = '', message = '', details }: Status = {}): StatusError {
  const why = message || reason;
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const text = why === '' ? `${denied} without explanation` : `${denied}: ${why}`;
  const isRefusal = code >= codeMin && code <= codeMax;
  return new StatusError(isRefusal ? code : codeMin, reason as StatusReason, text, details);
}
