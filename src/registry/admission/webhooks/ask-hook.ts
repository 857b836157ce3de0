/** What happens around a question to a webhook: what came of it is counted, and a call that failed is the request's failure, or not. */
import { internalError, StatusError } from '../../../api/status-error.ts';
import type { AdmissionRequest } from '../admission.ts';
import { CallFault } from './call-hook.ts';
import type { Hook } from './hook.ts';
import type { WebhookDependencies } from './webhook-dependencies.ts';

/** By this a webhook's own refusal is told from an error of ours. */
const isRefusal = (error: unknown): error is StatusError =>
  error instanceof StatusError && error.reason !== 'InternalError';

/**
 * Undefined where the webhook failed, and lets requests pass then.
 * @throws StatusError
 */
export async function askHook<T>(
  hook: Hook,
  request: AdmissionRequest,
  { clock, metrics, log }: WebhookDependencies,
  question: () => Promise<T>,
): Promise<T | undefined> {
  const { operation } = request;
  const startMs = clock.monotonic();
  const asked = (code: number, rejected: boolean): void =>
    metrics.asked(hook, operation, { code, rejected, ms: clock.monotonic() - startMs });
  try {
    const answer = await question();
    asked(200, false);
    return answer;
  } catch (error) {
    if (error instanceof CallFault) {
      asked(error.code, !hook.failsOpen);
      log.warn('a webhook could not be asked', { webhook: hook.name, failsOpen: hook.failsOpen, why: error.message });
      if (!hook.failsOpen) {
        metrics.rejected(hook, operation, 'calling_webhook_error', error.code);
        throw internalError(error);
      }
      metrics.failedOpen(hook);
      return undefined;
    }
    const code = isRefusal(error) ? error.code : 0;
    asked(code, true);
    metrics.rejected(hook, operation, isRefusal(error) ? 'no_error' : 'apiserver_internal_error', code);
    throw error;
  }
}
