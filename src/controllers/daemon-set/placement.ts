/**
 * Which nodes a DaemonSet wants its pod on, and how a pod says which node it is for. Pure.
 *
 * The default scheduler binds the pods: each requires its node by name in its node affinity. They tolerate what a node under pressure,
 * cordoned or unreachable is tainted with, since daemons serve the node itself.
 */
import { matchesNode, untoleratedTaint } from '../../api/node-matching.ts';
import type { DaemonSet } from '../../api/schema/types/apps-v1.ts';
import type { Affinity, Node, NodeSelector, Pod, PodSpec, Toleration } from '../../api/schema/types/core-v1.ts';
import { daemonSets } from '../../client/resources.ts';
import { nameOf } from '../shared/context.ts';
import { podFromTemplate } from '../shared/pod-template.ts';
import { revisionLabel } from '../shared/revisions.ts';

const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';
const nodeNameField = 'metadata.name';

const toleratedOnAll = [
  ['not-ready', 'NoExecute'],
  ['unreachable', 'NoExecute'],
  ['disk-pressure', 'NoSchedule'],
  ['memory-pressure', 'NoSchedule'],
  ['pid-pressure', 'NoSchedule'],
  ['unschedulable', 'NoSchedule'],
] as const;

/** A pod in the node's own network needs nobody to set one up. */
const toleratedOnHostNetwork = [['network-unavailable', 'NoSchedule']] as const;

function tolerationsOf(spec: PodSpec): readonly Toleration[] {
  const rows = [...toleratedOnAll, ...(spec.hostNetwork === true ? toleratedOnHostNetwork : [])];
  const own = rows.map(
    ([name, effect]): Toleration => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect }),
  );
  const others = (spec.tolerations ?? []).filter((toleration) => !own.some((one) => isSame(one, toleration)));
  return [...others, ...own];
}

const isSame = (a: Toleration, b: Toleration): boolean =>
  a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? '') === (b.value ?? '');

export interface Placement {
  /** A pod belongs there. */
  readonly run: boolean;
  /** A pod that is there may stay. */
  readonly stay: boolean;
}

const nowhere: Placement = { run: false, stay: false };

/** A taint without NoExecute keeps new pods away and lets those stay that are there. */
export function placementOn(set: DaemonSet, node: Node): Placement {
  const spec = set.spec?.template.spec ?? { containers: [] };
  if (spec.nodeName && spec.nodeName !== nameOf(node)) return nowhere;
  if (!matchesNode(spec, node)) return nowhere;
  const taints = node.spec?.taints ?? [];
  const tolerations = tolerationsOf(spec);
  const run = untoleratedTaint(taints, tolerations, ['NoSchedule', 'NoExecute']) === undefined;
  return { run, stay: run || untoleratedTaint(taints, tolerations, ['NoExecute']) === undefined };
}

/** For which node the pod is; undefined where it does not say. */
export function targetNodeOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = (required?.nodeSelectorTerms ?? []).flatMap(({ matchFields = [] }) => matchFields);
  const byName = fields.find(({ key, operator }) => key === nodeNameField && operator === 'In');
  return byName?.values?.length === 1 ? byName.values[0] : undefined;
}

const generationOf = ({ metadata }: DaemonSet): string | undefined => {
  const text = metadata?.annotations?.[generationAnnotation];
  return text !== undefined && /^-?\d+$/.test(text) ? text : undefined;
};

/** Made from the wanted template: by its revision's hash, or by the template's number, as very old sets told it. */
export function isUpdated(set: DaemonSet, hash: string, pod: Pod): boolean {
  const labels = pod.metadata?.labels ?? {};
  const generation = generationOf(set);
  return labels[revisionLabel] === hash || (generation !== undefined && labels[generationLabel] === generation);
}

export function podFor(set: DaemonSet, hash: string, nodeName: string): Pod {
  const pod = podFromTemplate(daemonSets, set, set.spec?.template ?? {});
  const spec = pod.spec ?? { containers: [] };
  const generation = generationOf(set);
  const labels = {
    ...pod.metadata?.labels,
    ...(generation !== undefined && { [generationLabel]: generation }),
    [revisionLabel]: hash,
  };
  return {
    metadata: { ...pod.metadata, labels },
    spec: { ...spec, tolerations: tolerationsOf(spec), affinity: boundTo(spec.affinity, nodeName) },
  };
}

/** The template's own node affinity was looked at already; the node's name takes the place of its terms. */
function boundTo(affinity: Affinity | undefined, nodeName: string): Affinity {
  const term = { matchFields: [{ key: nodeNameField, operator: 'In' as const, values: [nodeName] }] };
  const required: NodeSelector = { nodeSelectorTerms: [term] };
  const nodeAffinity = { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required };
  return { ...affinity, nodeAffinity };
}
