/** Namespaces and Nodes: what the cluster itself is made of. */
import { isDns1123Label } from '../../api/names.ts';
import type { Namespace, Node } from '../../api/schema/types/core-v1.ts';
import { setNamespaceDefaults, setNodeDefaults } from '../defaults/cluster.ts';
import { roundAmounts } from '../defaults/pod-resources.ts';
import { type Draft, draftOf } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { validateNamespace, validateNamespaceStatus } from '../validation/cluster.ts';
import { nodeWarnings, validateNode, validateNodeUpdate } from '../validation/node.ts';

export const namespaceFinalizer = 'kubernetes';

/** A namespace ends in two steps: `spec.finalizers` hold it until all that it holds is gone (see `delete.ts`, `finalize`). */
export const namespaceStrategy: Strategy<Namespace> = {
  specFinalizers: true,
  nameErrors: isDns1123Label,
  setDefaults: setNamespaceDefaults,
  prepareForCreate(namespace) {
    namespace.status = { phase: 'Active' };
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes(namespaceFinalizer)) namespace.spec = { finalizers: [...finalizers, namespaceFinalizer] };
    // With a generated name, the label could not be set before.
    setNamespaceDefaults(namespace);
  },
  prepareForUpdate(namespace, old) {
    if (old.spec) namespace.spec = draftOf(old.spec);
    else delete namespace.spec;
  },
  validate: validateNamespace,
  validateStatusUpdate: validateNamespaceStatus,
  fields: { 'status.phase': ({ status }) => status?.phase ?? '' },
};

/** A node registers itself together with what it knows of itself. */
export const nodeStrategy: Strategy<Node> = {
  keepStatusOnCreate: true,
  setDefaults: setNodeDefaults,
  prepareForCreate(node) {
    mirrorPodCidr(node);
    dropConfigSource(node, undefined);
  },
  prepareForUpdate(node, old) {
    mirrorPodCidr(node);
    dropConfigSource(node, old);
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  prepareForStatusUpdate(node, old) {
    if (node.status?.config && old.status?.config === undefined) delete node.status.config;
    roundAmounts(node.status?.capacity);
    roundAmounts(node.status?.allocatable);
  },
  validateStatusUpdate: validateNodeUpdate,
  warnings: nodeWarnings,
  fields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
};

function mirrorPodCidr({ spec }: Parameters<NonNullable<Strategy<Node>['setDefaults']>>[0]): void {
  if (spec?.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  if (spec?.podCIDRs?.[0] && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0];
}

/** The kubelet reads its configuration from no ConfigMap any more: what says so goes, where it did not stand before. */
function dropConfigSource({ spec, status }: Draft<Node>, old: Node | undefined): void {
  if (spec?.configSource && old?.spec?.configSource === undefined) delete spec.configSource;
  if (status?.config && old?.status?.config === undefined) delete status.config;
}
