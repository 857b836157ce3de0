/** `pods/eviction`: a delete that asks first. Nobody is asked yet: budgets are looked at when disruption control arrives. */
import type { JsonObject } from '../../api/object.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import type { Eviction } from '../../api/schema/types/policy-v1.ts';
import { decodeBody } from '../decode-body.ts';
import { deleteObject } from '../delete.ts';
import type { Environment } from '../environment.ts';
import { checkNames } from '../metadata.ts';
import type { DeleteOptions, ObjectResult, RequestTarget, WriteOptions } from '../request.ts';
import { success } from './success.ts';

export async function evictPod(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  body: JsonObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const { draft, warnings } = decodeBody({ apiVersion: 'policy/v1', kind: 'Eviction', type }, body, options);
  checkNames(draft, target);
  const { deleteOptions } = draft as unknown as Eviction;
  await deleteObject(environment, { ...target, subresource: '' }, asDeleteOptions(deleteOptions, options));
  return { object: success, created: true, warnings };
}

function asDeleteOptions(given: Eviction['deleteOptions'], { dryRun }: WriteOptions): DeleteOptions {
  const { gracePeriodSeconds, preconditions, propagationPolicy } = given ?? {};
  return {
    ...((dryRun || given?.dryRun?.includes('All')) && { dryRun: true }),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(preconditions && { preconditions }),
    ...(propagationPolicy && {
      propagationPolicy: propagationPolicy as NonNullable<DeleteOptions['propagationPolicy']>,
    }),
  };
}
