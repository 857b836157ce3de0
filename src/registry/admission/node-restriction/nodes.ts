/**
 * A node's own Node: it may say what it is, but not what steers work that others keep from it: taints, owners, labels that belong to the
 * cluster.
 */
import { goQuote } from '../../../api/field-error.ts';
import { excludedFromLoadBalancers, wantedProgramAnnotation } from '../../../api/node-labels.ts';
import type { Node } from '../../../api/schema/types/core-v1.ts';
import { type NodeWrite, nameOf, refusal } from './refusal.ts';
import { sameContent } from './same-content.ts';

type Labels = Readonly<Record<string, string>>;

/** Of the labels of kubernetes.io and k8s.io, a node sets these … */
const ownLabels: ReadonlySet<string> = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

/** … and those below here. */
const ownDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
/**
 * Those of them that a node cannot take off: what keeps a node from running a gateway also keeps the certificates of all domains from it. Upstream, whose
 * nodes run none, lets it.
 */
const keptLabels: readonly string[] = [excludedFromLoadBalancers];
const clusterDomains = ['kubernetes.io', 'k8s.io'];
const restrictedDomain = 'node-restriction.kubernetes.io';

/** @throws StatusError Forbidden */
export function checkNodeWrite(write: NodeWrite): void {
  const { node, request } = write;
  const name = nameOf(request);
  if (name !== node) {
    throw refusal(request, `node ${goQuote(node)} is not allowed to modify node ${goQuote(name)}`);
  }
  if (request.operation === 'CREATE') checkNew(write, request.draft as Node);
  if (request.operation === 'UPDATE') checkChange(write, request.draft as Node, request.old as Node);
}

function checkNew({ node, request }: NodeWrite, { metadata, spec }: Node): void {
  const who = `node ${goQuote(node)}`;
  // Upstream says pods.
  if (spec?.configSource) throw refusal(request, `${who} is not allowed to create pods with a non-nil configSource`);
  const labels = forbiddenLabels(metadata?.labels ?? {}, {});
  if (labels.length > 0) {
    throw refusal(request, `${who} is not allowed to set the following labels: ${labels.join(', ')}`);
  }
  if (metadata?.annotations?.[wantedProgramAnnotation] !== undefined) throw programRefusal(request);
}

function checkChange({ node, request }: NodeWrite, changed: Node, old: Node): void {
  const who = `node ${goQuote(node)}`;
  const source = changed.spec?.configSource;
  if (source && !sameContent(source, old.spec?.configSource)) {
    throw refusal(request, `${who} is not allowed to update configSource to a new non-nil configSource`);
  }
  if (!sameContent(changed.spec?.taints, old.spec?.taints)) {
    throw refusal(request, `${who} is not allowed to modify taints`);
  }
  if (!sameContent(changed.metadata?.ownerReferences, old.metadata?.ownerReferences)) {
    throw refusal(request, `${who} is not allowed to modify ownerReferences`);
  }
  const [now, before] = [changed.metadata?.labels ?? {}, old.metadata?.labels ?? {}];
  const labels = forbiddenLabels(now, before).concat(keptLabels.filter((key) => key in before && !(key in now)));
  if (labels.length > 0) throw refusal(request, `is not allowed to modify labels: ${labels.join(', ')}`);
  const wanted = ({ metadata }: Node): string | undefined => metadata?.annotations?.[wantedProgramAnnotation];
  if (wanted(changed) !== wanted(old)) throw programRefusal(request);
}

/** Which program its agent is to be is said by who upgrades the cluster. Upstream has no such thing. */
const programRefusal = (request: NodeWrite['request']): Error =>
  refusal(request, `is not allowed to modify annotation ${wantedProgramAnnotation}`);

/** Labels that differ and that no node may set, change or remove. */
export function forbiddenLabels(labels: Labels, old: Labels): string[] {
  const keys = new Set([...Object.keys(labels), ...Object.keys(old)]);
  return [...keys].filter((key) => valueOf(labels, key) !== valueOf(old, key) && isForbidden(key)).sort();
}

function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function isForbidden(key: string): boolean {
  const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
  if (isWithin(domain, restrictedDomain)) return true;
  if (!clusterDomains.some((one) => isWithin(domain, one))) return false;
  return !ownLabels.has(key) && !ownDomains.some((one) => isWithin(domain, one));
}

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}
