/** Upstream's PodGroupWorkloadExists: a PodGroup that says of which template it was made is believed only where there is one. */
import type { PodGroup, Workload } from '../../api/schema/types/scheduling-v1alpha2.ts';
import { forbidden } from '../../api/status-error.ts';
import type { AdmissionRequest } from './admission.ts';

export function podGroupWorkloadExists({ operation, collection, target, draft, store }: AdmissionRequest): void {
  if (operation !== 'CREATE' || collection !== 'podgroups.scheduling.k8s.io' || target.subresource !== '') return;
  const group = draft as PodGroup | undefined;
  const reference = group?.spec?.podGroupTemplateRef?.workload;
  if (reference === undefined) return;
  const { workloadName, podGroupTemplateName } = reference;
  const refuse = (why: string): Error =>
    forbidden({ group: 'scheduling.k8s.io', kind: 'podgroups', name: group?.metadata?.name ?? '' }, why);
  const place = { collection: 'workloads.scheduling.k8s.io', namespace: target.namespace, name: workloadName };
  const workload = store.get(place)?.object as Workload | undefined;
  if (workload === undefined) throw refuse(`PodGroup rejected: Workload "${workloadName}" not found`);
  if (workload.spec.podGroupTemplates.some(({ name }) => name === podGroupTemplateName)) return;
  throw refuse(`PodGroup rejected: PodGroupTemplate "${podGroupTemplateName}" not found in Workload "${workloadName}"`);
}
