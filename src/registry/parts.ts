/**
 * Which part of an object a request may change. The main resource takes everything but the status, `/status` the status, and
 * the other subresources of the same kind their own part. Each brings the rest back from the object that stands there, so
 * that what a client sends beside its part has no effect.
 */

import type { KubeObject } from '../api/object.ts';
import type { CertificateSigningRequest } from '../api/schema/types/certificates-v1.ts';
import type { Container, Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import type { FieldError } from '../api/status-error.ts';
import { setContainerDefaults, setPodDefaults } from './defaults/pod.ts';
import { type Draft, draftOf, type ObjectDraft, sameJson } from './draft.ts';
import type { ServedResource } from './served-resource.ts';
import type { StrategyContext } from './strategy.ts';
import { validateChange, validateMetadataChange, validateStatusChange } from './validate.ts';
import { stampConditions, validateDecision } from './validation/certificates.ts';
import { validateNamespaceFinalize } from './validation/cluster.ts';
import { validateEphemeralUpdate } from './validation/pod-ephemeral.ts';
import { validateResize } from './validation/pod-resize.ts';

export interface Part {
  /** Runs the kind's defaults first. */
  readonly isMain: boolean;
  /** The fields that the request may change, where all others come back untouched: until then these may be the frozen ones of `old`. */
  readonly changes?: readonly string[];
  /** Brings back from `old` all that the request may not change. Before it, `draft` is in normal form; after it, too. */
  prepare(served: ServedResource, draft: ObjectDraft, old: KubeObject, context: StrategyContext): void;
  validate(served: ServedResource, object: KubeObject, old: KubeObject, context: StrategyContext): FieldError[];
}

/** Undefined: not one that is updated as its parent's kind. */
export function partOf(subresource: string): Part | undefined {
  return parts[subresource];
}

/** What comes back is shared with the old object, frozen as it is: copy to change. */
function keepAllBut(draft: ObjectDraft, old: KubeObject, changing: readonly string[]): void {
  for (const field of Object.keys(draft)) if (!changing.includes(field)) delete draft[field];
  for (const [field, value] of Object.entries(old)) if (!changing.includes(field)) draft[field] = value;
}

function keepField(draft: ObjectDraft, old: KubeObject, field: string): void {
  const value = (old as Record<string, unknown>)[field];
  if (value === undefined) delete draft[field];
  else draft[field] = value;
}

/** Everything as it was, with a spec that may be changed. */
function keepAll(draft: ObjectDraft, old: KubeObject): Draft<PodSpec> {
  keepAllBut(draft, old, []);
  draft.metadata = { ...old.metadata } as NonNullable<ObjectDraft['metadata']>;
  const spec = draftOf((old as Pod).spec ?? { containers: [] });
  draft['spec'] = spec;
  return spec;
}

const main: Part = {
  isMain: true,
  prepare(served, draft, old, context) {
    if (served.hasStatus) keepField(draft, old, 'status');
    served.strategy.prepareForUpdate?.(draft, old, context);
    const { generation, countsAnnotations } = served.strategy;
    const countsStatus = served.forms !== undefined && !served.hasStatus;
    const isSame = sameContent(draft, old) && (!countsStatus || sameJson(draft['status'], statusOf(old)));
    if (generation && !(isSame && (!countsAnnotations || sameAnnotations(draft, old)))) {
      bumpGeneration(draft);
    }
  },
  validate: validateChange,
};

function sameContent(draft: ObjectDraft, old: KubeObject): boolean {
  const { metadata: _m, status: _s, ...content } = draft;
  const { metadata: _om, status: _os, ...oldContent } = old as ObjectDraft;
  return sameJson(content, oldContent);
}

const statusOf = (object: KubeObject): unknown => (object as { readonly status?: unknown }).status;

const sameAnnotations = (draft: ObjectDraft, old: KubeObject): boolean =>
  sameJson(draft.metadata?.annotations ?? {}, old.metadata?.annotations ?? {});

function bumpGeneration(draft: ObjectDraft): void {
  if (draft.metadata) draft.metadata.generation = (draft.metadata.generation ?? 0) + 1;
}

const status: Part = {
  isMain: false,
  changes: ['metadata', 'status'],
  prepare(served, draft, old, context) {
    const keepsMetadata = served.strategy.statusKeepsMetadata || served.custom;
    keepAllBut(draft, old, keepsMetadata ? ['status'] : ['status', 'metadata']);
    served.strategy.prepareForStatusUpdate?.(draft, old, context);
  },
  validate: validateStatusChange,
};

/** Pods: a container for looking into the others can be added, and never changed or taken away. */
const ephemeralContainers: Part = {
  isMain: false,
  prepare(_served, draft, old) {
    const added = (draft['spec'] as Draft<PodSpec> | undefined)?.ephemeralContainers;
    const spec = keepAll(draft, old);
    const before = JSON.stringify(spec.ephemeralContainers ?? []);
    if (added?.length) spec.ephemeralContainers = added;
    else delete spec.ephemeralContainers;
    for (const container of added ?? []) setContainerDefaults(container);
    if (JSON.stringify(spec.ephemeralContainers ?? []) !== before) bumpGeneration(draft);
  },
  validate: (_served, object, old) => validateEphemeralUpdate(object, old),
};

/** Pods: cpu and memory of running containers. */
const resize: Part = {
  isMain: false,
  prepare(_served, draft, old) {
    if (draft['spec']) setPodDefaults(draft);
    const wanted = (draft['spec'] as Draft<PodSpec> | undefined) ?? { containers: [] };
    const spec = keepAll(draft, old);
    if (wanted.resources) spec.resources = wanted.resources;
    else delete spec.resources;
    spec.containers = resized(spec.containers, wanted.containers ?? []);
    const initContainers = resized(spec.initContainers ?? [], wanted.initContainers ?? []);
    if (initContainers.length > 0) spec.initContainers = initContainers;
    else delete spec.initContainers;
    if (!sameContent(draft, old)) bumpGeneration(draft);
  },
  validate: (_served, object, old) => validateResize(object, old),
};

/** The containers as they were, with the resources that are wanted. Other containers are let through: validation refuses them. */
function resized(containers: Draft<Container>[], wanted: Draft<Container>[]): Draft<Container>[] {
  const isSame = ({ name }: Draft<Container>, index: number): boolean => wanted[index]?.name === name;
  if (containers.length !== wanted.length || !containers.every(isSame)) return wanted;
  for (const [index, container] of containers.entries()) {
    const { resources = {}, resizePolicy } = wanted[index] ?? {};
    container.resources = resources;
    if (resizePolicy) container.resizePolicy = resizePolicy;
    else delete container.resizePolicy;
  }
  return containers;
}

/** Namespaces: `spec.finalizers`, which whoever emptied the namespace takes away. */
const finalize: Part = {
  isMain: false,
  prepare(_served, draft, old) {
    const finalizers = (draft['spec'] as { finalizers?: string[] } | undefined)?.finalizers;
    keepAllBut(draft, old, []);
    if (finalizers?.length) draft['spec'] = { finalizers };
    else draft['spec'] = {};
  },
  validate: (_served, object) => validateNamespaceFinalize(object),
};

/** CertificateSigningRequests: beside the metadata, only the conditions, as whoever approves decides. */
const approval: Part = {
  isMain: false,
  prepare(_served, draft, old, { nowMs }) {
    const conditions = (draft['status'] as { conditions?: unknown[] } | undefined)?.conditions;
    keepAllBut(draft, old, ['metadata']);
    const { conditions: _before, ...kept } = (draft['status'] ?? {}) as { conditions?: unknown[] };
    draft['status'] = conditions?.length ? { ...kept, conditions } : kept;
    const request = draft as unknown as Draft<CertificateSigningRequest>;
    stampConditions(request, old as CertificateSigningRequest, nowMs);
  },
  validate: (served, object, old) => [
    ...validateMetadataChange(served, object, old),
    ...validateDecision(object as CertificateSigningRequest, old as CertificateSigningRequest, false),
  ],
};

const parts: Readonly<Record<string, Part | undefined>> = {
  '': main,
  status,
  ephemeralcontainers: ephemeralContainers,
  resize,
  finalize,
  approval,
};
