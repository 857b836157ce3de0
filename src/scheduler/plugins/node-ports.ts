/** NodePorts: no two pods on a node share a host port. */
import { portsConflict } from '../../api/host-ports.ts';
import { knownPodRequests, podRequests } from '../../api/node-requests.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { type Plugin, refusal } from '../framework/plugin.ts';
import { always, type Hint } from '../queue/changes.ts';

const refused = refusal('NodePorts', true, "node(s) didn't have free ports for the requested pod ports");

/** The one that went had a port that `pod` wants. */
const freedAPort: Hint = (pod, { before }) => {
  const wanted = knownPodRequests(pod).hostPorts;
  const { hostPorts } = podRequests(before as Pod);
  return hostPorts.some((freed) => wanted.some((port) => portsConflict(freed, port)));
};

export const nodePorts: Plugin = {
  name: 'NodePorts',
  looksAtNodeOnly: true,
  filter: ({ requests: { hostPorts: wanted } }) =>
    wanted.length === 0
      ? 'skip'
      : {
          refuse: ({ hostPorts }) =>
            hostPorts.some((taken) => wanted.some((port) => portsConflict(taken, port))) ? refused : undefined,
        },
  hints: { NodeAdd: always, AssignedPodDelete: freedAPort },
};
