/**
 * ResourceQuota, the last of all admission plugins: whatever is created in a namespace must fit into its quotas, and so must changes that
 * use more. What is used is noted in the quotas before the object is stored, and given back where it is not stored after all.
 *
 * ```
 *  evaluators (api/quota): what does it use? ─▶ check.ts: does it fit? ─▶ ledger.ts: note it, for many at once
 * ```
 * A namespace without quotas costs one look-up.
 */

import type { KubeObject } from '../../../api/object.ts';
import { evaluatorFor } from '../../../api/quota/evaluator.ts';
import { conflict, forbidden, objectModified, StatusError } from '../../../api/status-error.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Store } from '../../../store/store.ts';
import { type AdmissionPlugin, type AdmissionRequest, isUnusual } from '../admission.ts';
import type { QuotaQuestion } from './check.ts';
import { type Answer, QuotaLedger, collection as quotas } from './ledger.ts';
import type { LimitedResource } from './limited-resources.ts';

export interface ResourceQuotaOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Nothing where absent. */
  readonly limitedResources?: readonly LimitedResource[] | undefined;
}

/** Whose writes of a quota's status are counts. */
export const quotaController = 'system:serviceaccount:kube-system:resourcequota-controller';

export function resourceQuota({ store, clock, log, limitedResources = [] }: ResourceQuotaOptions): AdmissionPlugin {
  const ledger = new QuotaLedger({ store, clock, log, limited: limitedResources });
  return {
    name: 'ResourceQuota',
    validate(request) {
      const { namespace } = request.target;
      if (namespace === '' || request.operation === 'DELETE') return;
      if (isCount(request)) return checkCount(ledger, request);
      if (limitedResources.length === 0 && store.list(quotas, namespace).entries.length === 0) return;
      const question = questionOf(request);
      if (question !== undefined) return charge(ledger, request, question);
    },
  };
}

function isCount({ collection, target }: AdmissionRequest): boolean {
  return collection === quotas && target.subresource === 'status' && target.user.name === quotaController;
}

/** @throws StatusError Conflict where the count may have missed something */
function checkCount(ledger: QuotaLedger, { old, target }: AdmissionRequest): void {
  if (ledger.mayRecount(target.namespace, old?.metadata?.uid ?? '')) return;
  throw conflict({ group: '', kind: quotas, name: target.name }, objectModified);
}

/** Undefined where the write cannot change what is used. */
function questionOf({ collection, operation, target, draft, old, clock }: AdmissionRequest): QuotaQuestion | undefined {
  const evaluator = evaluatorFor(collection);
  if (evaluator === undefined || draft === undefined || isUnusual(operation)) return undefined;
  const write = { operation, subresource: target.subresource, object: draft as KubeObject, old };
  return evaluator.handles(write) ? { collection, evaluator, write, nowMs: clock.now() } : undefined;
}

async function charge(ledger: QuotaLedger, request: AdmissionRequest, question: QuotaQuestion): Promise<void> {
  const { namespace } = request.target;
  const answer = await ledger.admit(namespace, question, request.dryRun);
  if (answer.kind !== 'admitted') throw refusal(request, answer);
  const { charge: noted } = answer;
  if (noted.size === 0) return;
  const settle = (isWritten: boolean): void => ledger.settle(namespace, noted, isWritten);
  request.undoWith(
    () => settle(false),
    () => settle(true),
  );
}

function refusal(
  { target, draft }: AdmissionRequest,
  { kind, why }: Exclude<Answer, { kind: 'admitted' }>,
): StatusError {
  if (kind === 'uncovered') return new StatusError(500, 'InternalError', why);
  const { group, resource } = target.resource;
  return forbidden({ group, kind: resource, name: target.name || (draft?.metadata?.name ?? '') }, why);
}
