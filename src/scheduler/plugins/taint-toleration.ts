/** TaintToleration: taints keep pods away that do not tolerate them; those that only would rather not have them count against a node. */
import type { Node } from '../../api/schema/types/core-v1.ts';
import { type Plugin, refusal, stretch } from '../framework/plugin.ts';
import { always, type Hint } from '../queue/changes.ts';
import { unlikedTaints, untoleratedTaint } from './tolerations.ts';

const refused = refusal('TaintToleration', false, 'node(s) had untolerated taint(s)');

const becameTolerable: Hint = (pod, { before, after }) => {
  const was = before === undefined || untoleratedTaint(pod, before) !== undefined;
  return was && untoleratedTaint(pod, after as Node) === undefined;
};

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  looksAtNodeOnly: true,
  filter: ({ pod }) => ({ refuse: ({ node }) => (untoleratedTaint(pod, node) === undefined ? undefined : refused) }),
  score: ({ pod }) => ({
    score: ({ node }) => unlikedTaints(pod, node),
    normalize: (scores: Float64Array) => stretch(scores, true),
  }),
  hints: { NodeAdd: becameTolerable, NodeTaint: becameTolerable, PodToleration: always },
};
