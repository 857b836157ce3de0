/**
 * Type checking of ValidatingAdmissionPolicies: writes into the status of each what its expressions would meet in the kinds that it is for
 * (`api/cel/policy-type-checking.ts`). Once for each generation; whoever wants it again changes the policy.
 */
import { checkPolicyTypes } from '../api/cel/policy-type-checking.ts';
import type { ValidatingAdmissionPolicy } from '../api/schema/types/admissionregistration-v1.ts';
import { ControlLoop, done } from '../client/controller.ts';
import { validatingAdmissionPolicies } from '../client/resources.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, contextFor, nameOf } from './shared/context.ts';
import { unlessGone } from './shared/refusals.ts';

const account = 'validatingadmissionpolicy-status-controller';
const options = { subresource: 'status', fieldManager: 'validatingadmissionpolicy-status' };

/** None where nobody knows the types. */
export function validatingPolicyStatus(context: ControllerContext): readonly Service[] {
  const { schema, resources } = context;
  if (schema === undefined) return [];
  const own = contextFor(context, account);
  const policies = context.informers.informer(validatingAdmissionPolicies);
  const loop = new ControlLoop({
    ...own,
    name: 'validatingadmissionpolicy-status',
    informers: [policies],
    reconcile: async (key) => {
      const policy = policies.cache.byKey(key);
      if (policy === undefined || isChecked(policy)) return done;
      const { name = '', generation = 0 } = policy.metadata ?? {};
      const warnings = await checkPolicyTypes(policy, { resources, schema }, () => own.clock.sleep(0));
      const typeChecking = { expressionWarnings: warnings.length === 0 ? null : warnings };
      const body = { status: { observedGeneration: generation, typeChecking } };
      await own.client
        .patch(validatingAdmissionPolicies, { namespace: '', name }, { type: 'merge', body }, options)
        .catch(unlessGone);
      return done;
    },
  });
  const enqueue = (policy: ValidatingAdmissionPolicy): void => {
    if (!isChecked(policy)) loop.queue.add(nameOf(policy));
  };
  policies.addHandler({ added: enqueue, updated: enqueue });
  return [loop];
}

function isChecked({ metadata, status }: ValidatingAdmissionPolicy): boolean {
  return (metadata?.generation ?? 0) <= (status?.observedGeneration ?? 0);
}
