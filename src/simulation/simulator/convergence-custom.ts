/** What must be true at the end of the users' own kinds: definitions are established, and what is stored is what they allow. */
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { Store } from '../../store/store.ts';
import { isTrue, problemsOf } from './convergence-list.ts';
import { type Gadget, gadgetSizeMax } from './workload/custom-resources.ts';

export function customKindsServed(store: Store): readonly string[] {
  return [
    ...problemsOf<CustomResourceDefinition>(store, 'customresourcedefinitions.apiextensions.k8s.io', definitionProblem),
    ...problemsOf<Gadget>(store, 'gadgets.users.example', gadgetProblem),
  ];
}

function definitionProblem(definition: CustomResourceDefinition): string | undefined {
  const missing = ['NamesAccepted', 'Established'].find((type) => !isTrue(definition, type));
  return missing && `has no condition ${missing}`;
}

/** Every schema that the definition ever had sets a size, and bounds it. */
function gadgetProblem({ spec }: Gadget): string | undefined {
  const size = spec?.size;
  return size !== undefined && size <= gadgetSizeMax ? undefined : `has the size ${size}, which its definition forbids`;
}
