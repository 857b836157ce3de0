/**
 * Upstream's RuntimeClass admission: the class that a pod names must exist; what a pod of it costs beside its containers, and which nodes
 * can run it, comes from the class. A pod that says otherwise is refused.
 */
import type { PodSpec, Toleration } from '../../api/schema/types/core-v1.ts';
import type { RuntimeClass } from '../../api/schema/types/node-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const collection = 'runtimeclasses.node.k8s.io';

export function podRuntimeClass(request: AdmissionRequest): void {
  const spec = request.draft?.['spec'] as Draft<PodSpec> | undefined;
  if (request.operation !== 'CREATE' || !isPodWrite(request) || spec === undefined) return;
  const found = classOf(request, spec);
  setOverhead(request, spec, found);
  setScheduling(request, spec, found);
}

const refuse = ({ draft }: AdmissionRequest, why: string): Error =>
  forbidden({ group: '', kind: 'pods', name: draft?.metadata?.name ?? '' }, why);

function classOf(request: AdmissionRequest, { runtimeClassName: name }: Draft<PodSpec>): RuntimeClass | undefined {
  if (name === undefined) return undefined;
  const found = request.store.get({ collection, namespace: '', name })?.object as RuntimeClass | undefined;
  if (found === undefined) throw refuse(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

function setOverhead(request: AdmissionRequest, spec: Draft<PodSpec>, found: RuntimeClass | undefined): void {
  if (found?.overhead === undefined) {
    if (spec.overhead === undefined) return;
    throw refuse(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  }
  const overhead = found.overhead.podFixed ?? {};
  if (spec.overhead !== undefined && !sameJson(spec.overhead, overhead))
    throw refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  spec.overhead = { ...overhead };
}

function setScheduling(request: AdmissionRequest, spec: Draft<PodSpec>, found: RuntimeClass | undefined): void {
  const { nodeSelector = {}, tolerations = [] } = found?.scheduling ?? {};
  for (const [key, value] of Object.entries(nodeSelector)) {
    const own = spec.nodeSelector?.[key];
    if (own === undefined || own === value) continue;
    const why = `runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
    throw refuse(request, `conflict: ${why}`);
  }
  if (Object.keys(nodeSelector).length > 0) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  if (tolerations.length > 0)
    spec.tolerations = mergedTolerations([...(spec.tolerations ?? []), ...draftOf(tolerations)]);
}

/** Those that say nothing beyond another are left out; of equal ones, the first stays. */
function mergedTolerations<T extends Toleration>(all: readonly T[]): T[] {
  return all.filter(
    (each, index) =>
      !all.some((other, otherIndex) =>
        sameJson(each, other) ? otherIndex < index : otherIndex !== index && covers(other, each),
      ),
  );
}

/** Does `wide` tolerate all that `narrow` does? */
function covers(wide: Toleration, narrow: Toleration): boolean {
  const anyKey = !wide.key && wide.operator === 'Exists';
  if ((narrow.key ?? '') !== (wide.key ?? '') && !anyKey) return false;
  if (wide.effect && (narrow.effect ?? '') !== wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if ((narrow.tolerationSeconds ?? Number.POSITIVE_INFINITY) > wide.tolerationSeconds) return false;
  }
  if (wide.operator === 'Exists') return true;
  return (narrow.operator ?? 'Equal') === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}
