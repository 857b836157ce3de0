/** The loops about certificates: who gets one, who makes it, and what becomes of the requests. */
import type { Service } from '../../lib/service.ts';
import type { ControllerContext } from '../shared/context.ts';
import { certificateApprover } from './approver.ts';
import { certificateCleaner } from './cleaner.ts';
import { certificateSigners } from './signer.ts';
import { trustBundlePublisher } from './trust-bundle-publisher.ts';

/** None where the cluster has no authority. */
export function certificateControllers(context: ControllerContext): Service[] {
  const { signer } = context;
  if (signer === undefined) return [];
  return [
    certificateApprover(context),
    ...certificateSigners(context, signer),
    certificateCleaner(context),
    trustBundlePublisher(context),
  ];
}
