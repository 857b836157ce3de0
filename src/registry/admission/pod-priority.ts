/** Upstream's Priority admission: the name of a PriorityClass becomes the number that the scheduler compares, for pods and for their groups. */
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { PriorityClass } from '../../api/schema/types/scheduling-v1.ts';
import type { PodGroup, PodGroupSpec, WorkloadSpec } from '../../api/schema/types/scheduling-v1alpha2.ts';
import { forbidden } from '../../api/status-error.ts';
import type { Store } from '../../store/store.ts';
import type { Draft } from '../draft.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const priorityClasses = 'priorityclasses.scheduling.k8s.io';

export function podPriority(request: AdmissionRequest): void {
  groupPriority(request);
  const spec = request.draft?.['spec'] as Draft<PodSpec> | undefined;
  if (!isPodWrite(request) || spec === undefined) return;
  if (request.operation === 'CREATE') resolvePriority(request, spec);
  if (request.operation === 'UPDATE')
    keepPriority(spec, (request.old as { readonly spec?: PodSpec } | undefined)?.spec);
}

/** What names a class, or gets the default one. */
interface Prioritized {
  priorityClassName?: string;
  priority?: number;
}

function resolvePriority(request: AdmissionRequest, spec: Draft<PodSpec>): void {
  const found = resolveClass(request, spec, { group: '', kind: 'pods', what: 'pod' });
  spec.preemptionPolicy ??= found?.preemptionPolicy ?? 'PreemptLowerPriority';
}

const schedulingGroup = 'scheduling.k8s.io';

/** The same for groups, and for the templates that they are made of. */
function groupPriority(request: AdmissionRequest): void {
  const { operation, collection, target, draft, old } = request;
  if (operation === 'DELETE' || target.subresource !== '') return;
  if (collection === `podgroups.${schedulingGroup}` && draft?.['spec'] !== undefined) {
    const spec = draft['spec'] as Draft<PodGroupSpec>;
    const before = (old as PodGroup | undefined)?.spec?.priority;
    if (operation === 'UPDATE' && before !== undefined) spec.priority ??= before;
    if (operation === 'UPDATE') return;
    resolveClass(request, spec, { group: schedulingGroup, kind: 'podgroups', what: 'pod group' });
  }
  if (collection !== `workloads.${schedulingGroup}` || operation === 'UPDATE') return;
  const { podGroupTemplates = [] } = (draft?.['spec'] ?? {}) as Partial<Draft<WorkloadSpec>>;
  for (const template of podGroupTemplates) {
    resolveClass(request, template, { group: schedulingGroup, kind: 'workloads', what: 'pod group template' });
  }
}

interface Prioritizing {
  readonly group: string;
  readonly kind: string;
  readonly what: string;
}

function resolveClass(
  { store, draft }: AdmissionRequest,
  spec: Prioritized,
  { group, kind, what }: Prioritizing,
): PriorityClass | undefined {
  const refuse = (why: string): Error => forbidden({ group, kind, name: draft?.metadata?.name ?? '' }, why);
  const found = spec.priorityClassName ? classNamed(store, spec.priorityClassName) : globalDefault(store);
  if (spec.priorityClassName && found === undefined) {
    throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
  }
  const priority = found?.value ?? 0;
  const given = spec.priority;
  if (given !== undefined && given !== priority) {
    throw refuse(
      `the integer value of priority (${given}) must not be provided in ${what} spec; ` +
        `priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  }
  if (found?.metadata?.name) spec.priorityClassName = found.metadata.name;
  spec.priority = priority;
  return found;
}

function classNamed(store: Store, name: string): PriorityClass | undefined {
  return store.get({ collection: priorityClasses, namespace: '', name })?.object;
}

/** The lowest of them, should there be several. */
function globalDefault(store: Store): PriorityClass | undefined {
  const classes = store.list(priorityClasses).entries.map((entry) => entry.object as PriorityClass);
  return classes.filter((each) => each.globalDefault).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

/** A second default would leave open what counts for a pod that names no class. */
export function oneDefaultPriority({ operation, collection, target, draft, store }: AdmissionRequest): void {
  if (collection !== priorityClasses || target.subresource !== '' || operation === 'DELETE') return;
  const { metadata, globalDefault: wanted } = draft as Draft<PriorityClass>;
  const name = metadata?.name ?? '';
  const standing = wanted ? globalDefault(store)?.metadata?.name : undefined;
  if (standing === undefined || (operation === 'UPDATE' && standing === name)) return;
  const why = `PriorityClass ${standing} is already marked as default. Only one default can exist`;
  throw forbidden({ group: 'scheduling.k8s.io', kind: 'priorityclasses', name }, why);
}

/** A manifest that is sent again does not know what was resolved. */
function keepPriority(spec: Draft<PodSpec>, old: PodSpec | undefined): void {
  if (spec.priority === undefined && old?.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old?.preemptionPolicy) spec.preemptionPolicy = old.preemptionPolicy;
}
