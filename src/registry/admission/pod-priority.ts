/** Upstream's Priority admission: the name of a PriorityClass becomes the number that the scheduler compares. */
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { PriorityClass } from '../../api/schema/types/scheduling-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import type { Store } from '../../store/store.ts';
import type { Draft } from '../draft.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const priorityClasses = 'priorityclasses.scheduling.k8s.io';

export function podPriority(request: AdmissionRequest): void {
  const spec = request.draft?.['spec'] as Draft<PodSpec> | undefined;
  if (!isPodWrite(request) || spec === undefined) return;
  if (request.operation === 'CREATE') resolvePriority(request, spec);
  if (request.operation === 'UPDATE')
    keepPriority(spec, (request.old as { readonly spec?: PodSpec } | undefined)?.spec);
}

function resolvePriority(request: AdmissionRequest, spec: Draft<PodSpec>): void {
  const refuse = (why: string): Error =>
    forbidden({ group: '', kind: 'pods', name: request.draft?.metadata?.name ?? '' }, why);
  const found = spec.priorityClassName
    ? classNamed(request.store, spec.priorityClassName)
    : globalDefault(request.store);
  if (spec.priorityClassName && found === undefined) {
    throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
  }
  const priority = found?.value ?? 0;
  const given = spec.priority;
  if (given !== undefined && given !== priority) {
    throw refuse(
      `the integer value of priority (${given}) must not be provided in pod spec; ` +
        `priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  }
  if (found?.metadata?.name) spec.priorityClassName = found.metadata.name;
  spec.priority = priority;
  spec.preemptionPolicy ??= found?.preemptionPolicy ?? 'PreemptLowerPriority';
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
