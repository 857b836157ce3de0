/** Defaults of admission policies and their bindings. */
import type { MatchResources } from '../../api/schema/types/admissionregistration-v1.ts';
import { type Draft, setDefault } from '../draft.ts';

interface Policy {
  spec?: { failurePolicy?: 'Fail' | 'Ignore'; matchConstraints?: Draft<MatchResources> };
}

export function setPolicyDefaults({ spec }: Policy): void {
  if (spec === undefined) return;
  setDefault(spec, 'failurePolicy', 'Fail');
  if (spec.matchConstraints) setMatchDefaults(spec.matchConstraints);
}

export function setBindingDefaults({ spec }: { spec?: { matchResources?: Draft<MatchResources> } }): void {
  if (spec?.matchResources) setMatchDefaults(spec.matchResources);
}

function setMatchDefaults(resources: Draft<MatchResources>): void {
  setDefault(resources, 'matchPolicy', 'Equivalent');
  setDefault(resources, 'namespaceSelector', {});
  setDefault(resources, 'objectSelector', {});
  for (const rule of [...(resources.resourceRules ?? []), ...(resources.excludeResourceRules ?? [])]) {
    setDefault(rule, 'scope', '*');
  }
}
