/** NodeAffinity: `nodeSelector` and node affinity, required and preferred, and what the profile adds for all its pods. */

import { matchesNode, matchesNodeSelector, matchesNodeSelectorTerm } from '../../api/node-matching.ts';
import type { Node, NodeAffinity, Pod, PreferredSchedulingTerm } from '../../api/schema/types/core-v1.ts';
import { type FilterPlan, type Plugin, refusal, stretch } from '../framework/plugin.ts';
import type { Hint } from '../queue/changes.ts';

export interface NodeAffinityArgs {
  readonly addedAffinity?: NodeAffinity;
}

const name = 'NodeAffinity';
const refused = refusal(name, false, "node(s) didn't match Pod's node affinity/selector");
const refusedByProfile = refusal(name, false, "node(s) didn't match scheduler-enforced node affinity");
const conflicting = refusal(name, false, 'pod affinity terms conflict');

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs): Plugin {
  const added = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const addedPreferences = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const suits = (pod: Pod, node: Node): boolean =>
    (added === undefined || matchesNodeSelector(added, node)) && matchesNode(pod.spec, node);
  const becameSuitable: Hint = (pod, { before, after }) =>
    suits(pod, after as Node) && (before === undefined || !suits(pod, before));
  return {
    name,
    looksAtNodeOnly: true,
    filter: ({ pod }) => filterOf(pod, added),
    score: ({ pod }) => {
      const own = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      const preferences = [...addedPreferences, ...own];
      if (preferences.length === 0) return 'skip';
      return {
        score: ({ node }) => weightOf(preferences, node),
        normalize: (scores: Float64Array) => stretch(scores, false),
      };
    },
    hints: { NodeAdd: becameSuitable, NodeLabel: becameSuitable },
  };
}

function filterOf(
  pod: Pod,
  added: NonNullable<NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']> | undefined,
): FilterPlan {
  const { nodeSelector, affinity } = pod.spec ?? {};
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (added === undefined && required === undefined && nodeSelector === undefined) return 'skip';
  const only = namedNodes(pod);
  if (only?.size === 0) return { refused: conflicting };
  return {
    refuse: ({ node }) => {
      if (added !== undefined && !matchesNodeSelector(added, node)) return refusedByProfile;
      return matchesNode(pod.spec, node) ? undefined : refused;
    },
    ...(only !== undefined && { only }),
  };
}

/** The nodes that the required terms name, where every term names some: a DaemonSet's pods do. */
function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined || terms.length === 0) return undefined;
  const named = new Set<string>();
  for (const { matchFields = [] } of terms) {
    let ofTerm: readonly string[] | undefined;
    for (const { key, operator, values = [] } of matchFields) {
      if (key !== 'metadata.name' || operator !== 'In') continue;
      ofTerm = ofTerm === undefined ? values : ofTerm.filter((value) => values.includes(value));
    }
    // A term that names no node may mean any.
    if (ofTerm === undefined) return undefined;
    for (const value of ofTerm) named.add(value);
  }
  return named;
}

/** The summed weights of the preferences that `node` meets. */
const weightOf = (preferences: readonly PreferredSchedulingTerm[], node: Node): number =>
  preferences.reduce(
    (sum, { weight, preference }) => sum + (matchesNodeSelectorTerm(preference, node) ? weight : 0),
    0,
  );
