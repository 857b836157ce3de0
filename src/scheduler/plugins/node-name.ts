/** NodeName: a pod that names a node goes there or nowhere. */
import { type Plugin, refusal } from '../framework/plugin.ts';
import { always } from '../queue/changes.ts';

const refused = refusal('NodeName', false, "node(s) didn't match the requested node name");

export const nodeName: Plugin = {
  name: 'NodeName',
  looksAtNodeOnly: true,
  filter: ({ pod }) => {
    const wanted = pod.spec?.nodeName;
    return wanted ? { refuse: ({ name }) => (name === wanted ? undefined : refused) } : 'skip';
  },
  hints: { NodeAdd: always },
};
