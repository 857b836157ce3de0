/** NodeUnschedulable: a cordoned node takes only pods that tolerate it. */
import type { Node } from '../../api/schema/types/core-v1.ts';
import { type Plugin, refusal } from '../framework/plugin.ts';
import { always, type Hint } from '../queue/changes.ts';
import { isCordonedFor } from './tolerations.ts';

const refused = refusal('NodeUnschedulable', false, 'node(s) were unschedulable');

const becameOpen: Hint = (pod, { before, after }) => {
  const wasClosed = before === undefined || isCordonedFor(pod, before);
  return wasClosed && !isCordonedFor(pod, after as Node);
};

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  looksAtNodeOnly: true,
  filter: ({ pod }) => ({ refuse: ({ node }) => (isCordonedFor(pod, node) ? refused : undefined) }),
  hints: { NodeAdd: becameOpen, NodeTaint: becameOpen, PodToleration: always },
};
