/** `pods/binding` and `bindings`: a pod gets its node, once. */

import { notSupported, required } from '../../api/field-error.ts';
import type { JsonObject, KubeObject } from '../../api/object.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import type { Binding, Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import { badRequest, conflict, type FieldError, invalid, notFound, objectModified } from '../../api/status-error.ts';
import { formatTime } from '../../lib/clock.ts';
import { RevisionConflict, type StoreKey } from '../../store/store.ts';
import { Admission } from '../admission/admission.ts';
import { topologyLabels } from '../admission/pod-topology.ts';
import { decodeBody } from '../decode-body.ts';
import type { Environment } from '../environment.ts';
import { checkNames } from '../metadata.ts';
import type { ObjectResult, RequestTarget, WriteOptions } from '../request.ts';
import { attemptsMax } from '../update.ts';
import { success } from './success.ts';

export async function bindPod(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  body: JsonObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const { draft, warnings } = decodeBody({ apiVersion: 'v1', kind: 'Binding', type }, body, options);
  if (target.name !== '' && draft.metadata?.name !== target.name) {
    throw badRequest('name in URL does not match name in Binding object');
  }
  checkNames(draft, target);
  const binding = draft as unknown as Binding;
  const errors = validateBinding(binding);
  const name = binding.metadata?.name ?? '';
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding', name }, errors);
  const what = { operation: 'CREATE', target: { ...target, subresource: 'binding' }, collection: 'pods' } as const;
  const admission = new Admission(environment, what, options);
  await admission.mutate(draft);
  await admission.validate(draft);
  await write(environment, { collection: 'pods', namespace: target.namespace, name }, binding, options);
  return { object: success, created: true, warnings: [...warnings, ...admission.warnings] };
}

function validateBinding({ target }: Binding): FieldError[] {
  const errors: FieldError[] = [];
  if (target?.kind && target.kind !== 'Node')
    errors.push(notSupported('target.kind', target.kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(required('target.name'));
  return errors;
}

async function write(
  { store, clock }: Environment,
  key: StoreKey,
  binding: Binding,
  { dryRun }: WriteOptions,
): Promise<void> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const current = store.get(key);
    if (current === undefined) throw notFound({ group: '', kind: 'pods', name: key.name });
    const labels = topologyLabels(store, binding.target.name ?? '');
    const object = boundPod(current.object, binding, labels, formatTime(clock.now()));
    if (dryRun) return;
    try {
      await store.write({ kind: 'put', key, object, expectedRevision: current.revision });
      return;
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
  throw conflict(subjectOf(key.name), objectModified);
}

const subjectOf = (name: string) => ({ group: '', kind: 'pods/binding', name });

/** Pure. @throws StatusError Conflict where the pod cannot be bound any more */
export function boundPod(
  pod: Pod,
  binding: Binding,
  topology: Readonly<Record<string, string>>,
  now: string,
): KubeObject {
  const { metadata = {}, spec = { containers: [] }, status = {} } = pod;
  const { name = '', uid, resourceVersion } = metadata;
  const wanted = binding.metadata ?? {};
  const refuse = (why: string): Error => conflict(subjectOf(name), why);
  if (wanted.uid && wanted.uid !== uid) {
    throw refuse(`Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`);
  }
  if (wanted.resourceVersion && wanted.resourceVersion !== resourceVersion) throw refuse(objectModified);
  if (metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
  if (spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const annotations = { ...metadata.annotations, ...wanted.annotations };
  const labels = { ...metadata.labels, ...wanted.labels, ...topology };
  // The place that was kept free for it is its own now.
  const { nominatedNodeName: _kept, ...standing } = status;
  const bound: Pod = {
    ...pod,
    metadata: {
      ...metadata,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(Object.keys(labels).length > 0 && { labels }),
    },
    spec: { ...spec, nodeName: binding.target.name ?? '' },
    status: { ...standing, conditions: scheduled(status.conditions ?? [], metadata.generation, now) },
  };
  return bound;
}

function scheduled(conditions: readonly PodCondition[], generation: number | undefined, now: string): PodCondition[] {
  const old = conditions.find(({ type }) => type === 'PodScheduled');
  const since = old?.status === 'True' ? old.lastTransitionTime : now;
  const condition: PodCondition = {
    type: 'PodScheduled',
    ...(generation && { observedGeneration: generation }),
    status: 'True',
    ...(since && { lastTransitionTime: since }),
  };
  return [...conditions.filter(({ type }) => type !== 'PodScheduled'), condition];
}
