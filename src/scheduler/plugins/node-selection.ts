/** Which nodes a `nodeSelector` or a node affinity means: shared by plugins, volumes and spreading. Pure. */
import type {
  Node,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
} from '../../api/schema/types/core-v1.ts';

export type NodeFacts = Pick<Node, 'metadata'>;

/** Whether the pod may run on `node`, by its labels and name. */
export function matchesNode(pod: Pod, node: NodeFacts): boolean {
  const wanted = pod.spec?.nodeSelector;
  for (const name in wanted) if (node.metadata?.labels?.[name] !== wanted[name]) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required, node);
}

/** One of the terms holds. */
export const matchesNodeSelector = ({ nodeSelectorTerms }: NodeSelector, node: NodeFacts): boolean =>
  nodeSelectorTerms.some((term) => matchesTerm(term, node));

/** All requirements of a term hold; a term without any matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: NodeFacts): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  const fields: Readonly<Record<string, string | undefined>> = { 'metadata.name': node.metadata?.name };
  return (
    matchExpressions.every((requirement) => holds(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) => holds(requirement, fields[requirement.key]))
  );
}

function holds({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compares(value, values, (a, b) => a > b);
    case 'Lt':
      return compares(value, values, (a, b) => a < b);
    default:
      return false;
  }
}

function compares(
  value: string | undefined,
  [bound]: readonly string[],
  compare: (a: bigint, b: bigint) => boolean,
): boolean {
  const whole = /^[+-]?\d+$/;
  if (value === undefined || bound === undefined || !whole.test(value) || !whole.test(bound)) return false;
  return compare(BigInt(value.replace('+', '')), BigInt(bound.replace('+', '')));
}
