/**
 * A Service and its EndpointSlices as load balancers see them: its ports, and for each the endpoints that may get traffic here. One model for the service
 * proxy, DNS and the gateway, so that none of them has an opinion of its own about readiness.
 */

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hostname?: string;
  readonly podName?: string;
  readonly ready: boolean;
  /** Answers, also while it terminates. */
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly hintedZones: readonly string[];
  readonly hintedNodes: readonly string[];
}
