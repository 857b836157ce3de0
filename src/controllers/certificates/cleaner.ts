/**
 * Deletes requests for certificates that nobody needs any more (upstream's csrcleaner): an hour after they were issued, denied or failed,
 * a day after they were made where nobody decided, and when what was issued has expired. Each is looked at when its time comes.
 */
import { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../api/certificates/pem.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done } from '../../client/controller.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  createdMs,
  nameOf,
  referenceOf,
  timeMs,
  uidOf,
} from '../shared/context.ts';
import { conditionOf, isIssued } from './requests.ts';

const hourMs = 60 * 60 * 1000;
const decidedMs = hourMs;
const pendingMs = 24 * hourMs;

/** From then on the request may go; Infinity: it stays, as one that was approved and not signed yet. Pure. */
export function removalTimeMs(request: CertificateSigningRequest): number {
  const times: number[] = [];
  const afterDecision = (type: string): void => {
    const time = timeMs(conditionOf(request, type)?.lastUpdateTime);
    if (time > 0) times.push(time + decidedMs);
  };
  afterDecision('Denied');
  afterDecision('Failed');
  if (conditionOf(request, 'Approved') !== undefined && isIssued(request)) {
    afterDecision('Approved');
    times.push(expiryMs(request));
  }
  if ((request.status?.conditions ?? []).length === 0) times.push(createdMs(request) + pendingMs);
  return Math.min(...times);
}

function expiryMs({ status }: CertificateSigningRequest): number {
  const [block] = pemBlocks(Buffer.from(status?.certificate ?? '', 'base64').toString('latin1'));
  try {
    return block === undefined ? Infinity : new X509Certificate(block.bytes).validToDate.getTime();
  } catch {
    return Infinity;
  }
}

export function certificateCleaner(context: ControllerContext): Service {
  const own = contextFor(context, 'certificate-controller');
  const requests = context.informers.informer(certificateSigningRequests);
  const loop = new ControlLoop({
    ...own,
    name: 'csrcleaner',
    informers: [requests],
    reconcile: async (key) => {
      const request = requests.cache.byKey(key);
      if (request === undefined) return done;
      const leftMs = removalTimeMs(request) - own.clock.now();
      if (leftMs === Infinity) return done;
      // Beyond a day it is looked at again on the way: timers do not count further than some weeks.
      if (leftMs >= 0) return after(Math.min(leftMs + 1000, pendingMs));
      own.log.info('certificate request removed', { name: key });
      await own.client
        .delete(certificateSigningRequests, referenceOf(request), { uid: uidOf(request) })
        .catch(unlessGone);
      return done;
    },
  });
  const enqueue = (request: CertificateSigningRequest): void => loop.queue.add(nameOf(request));
  requests.addHandler({ added: enqueue, updated: enqueue });
  return loop;
}

/** Or somebody made another of the same name. */
function unlessGone(error: unknown): void {
  if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error;
}
