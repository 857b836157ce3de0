/** Labels of nodes that mean something to more than one part. */

/** A node that has it, whatever its value, runs no gateway and lends no address to load balancers. */
export const excludedFromLoadBalancers = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Of which program (SHA-256) the node's agent is asked to be: `naru upgrade` says so. A node itself may not. */
export const wantedProgramAnnotation = 'naru.io/agent';
/** What the agent says of that: which one it is (empty: as it was installed), and why one that was wanted did not do. */
export const runningProgramAnnotation = 'naru.io/agent-running';
export const programProblemAnnotation = 'naru.io/agent-problem';
