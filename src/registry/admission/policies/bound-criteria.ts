/** The criteria of policies and bindings, made once for each spec. */
import type { MatchResources } from '../../../api/schema/types/admissionregistration-v1.ts';
import { Criteria } from '../match.ts';

const known = new WeakMap<MatchResources, Criteria>();

/** Without any rules, all resources are meant. */
export function criteriaOf(resources: MatchResources): Criteria {
  let criteria = known.get(resources);
  if (criteria === undefined) known.set(resources, (criteria = make(resources)));
  return criteria;
}

function make({ resourceRules = [], excludeResourceRules, ...rest }: MatchResources): Criteria {
  const rules = resourceRules.length === 0 ? undefined : resourceRules;
  return new Criteria({ ...rest, rules, excludeRules: excludeResourceRules });
}
