/** Health of what the cluster itself is made of: nodes, namespaces, definitions of kinds, extension servers. */

import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import type { Namespace, Node } from '../../api/schema/types/core-v1.ts';
import { conditionText, failing, type Health, type HealthRules, healthy, progressing } from './base.ts';

export const clusterHealth: HealthRules = {
  'Node.': node,
  'Namespace.': namespace,
  'CustomResourceDefinition.apiextensions.k8s.io': definition,
  'APIService.apiregistration.k8s.io': extension,
};

function node({ spec, status }: Node): Health {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True')
    return healthy(spec?.unschedulable === true ? 'it is ready, but cordoned' : 'it is ready');
  return progressing(ready === undefined ? 'it has not reported yet' : `it is not ready: ${conditionText(ready)}`);
}

function namespace({ status }: Namespace): Health {
  if (status?.phase !== 'Terminating') return healthy('the Namespace exists');
  return progressing('it is being deleted');
}

function definition({ status }: CustomResourceDefinition): Health {
  const of = (type: string) => status?.conditions?.find((condition) => condition.type === type);
  const names = of('NamesAccepted');
  if (names?.status === 'False') return failing(`its names are refused: ${conditionText(names)}`);
  return of('Established')?.status === 'True' ? healthy('it is served') : progressing('it is not served yet');
}

function extension({ status }: APIService): Health {
  const available = status?.conditions?.find(({ type }) => type === 'Available');
  if (available?.status === 'True') return healthy('it answers');
  return progressing(
    available === undefined ? 'nobody has looked yet' : `it does not answer: ${conditionText(available)}`,
  );
}
