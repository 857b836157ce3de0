/** Labels of nodes that mean something to more than one part. */

/** A node that has it, whatever its value, runs no gateway and lends no address to load balancers. */
export const excludedFromLoadBalancers = 'node.kubernetes.io/exclude-from-external-load-balancers';
