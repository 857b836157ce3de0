/** What all pod workers of one node share. */
import type { Pod, ResourceStatus } from '../../api/schema/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { DeviceDrivers } from '../devices/dynamic-resources.ts';
import type { Gate } from '../gate.ts';
import type { NodeImages } from '../images/node-images.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { LogSource } from '../logs/log-source.ts';
import type { AgentMetrics } from '../metrics/agent-metrics.ts';
import type { PodObjects } from '../object-source.ts';
import type { ProbeTransport } from '../probes/probe-transport.ts';
import type { PodResizer } from '../resources/pod-resizer.ts';
import type { Runtime } from '../runtime.ts';
import type { StatsFacts } from '../stats/stats-facts.ts';
import type { StatsSource } from '../stats/summary.ts';
import type { PodCgroups } from './cgroups.ts';
import type { ClusterDns, DnsConfig } from './dns.ts';
import type { PodHook } from './pod-hook.ts';
import type { ResourceRules } from './qos.ts';
import type { Variable } from './service-variables.ts';
import type { PodStorage } from './volumes/pod-storage.ts';

/** Where events go; `fieldPath` names the part of the pod that they are about, `annotations` tell tools more. */
export interface EventSink {
  record(
    pod: Pod,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    fieldPath?: string,
    annotations?: Readonly<Record<string, string>>,
  ): void;
  /** About the node itself. */
  recordNode?(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Resolves when what was recorded is written or lost; what comes later is lost. */
  close?(): Promise<void>;
}

/** What a node has for its pods: disk, cgroups, network, logs. Real ones in `host-platform.ts`; simulated nodes have none. */
export interface AgentPlatform {
  readonly storage: PodStorage;
  readonly cgroups: PodCgroups;
  readonly probes: ProbeTransport;
  readonly logs: LogSource;
  /** The node's own resolver. */
  readonly hostDns: () => Promise<DnsConfig>;
  readonly devices: DeviceDrivers;
  /** What the node and its pods use. */
  readonly stats: (facts: StatsFacts) => StatsSource;
}

export interface PodHost {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly platform: AgentPlatform;
  readonly source: PodObjects;
  readonly images: NodeImages;
  /** What each pod passes, in order. */
  readonly hooks: readonly PodHook[];
  readonly configuration: KubeletConfiguration;
  /** Sandboxes and containers made at a time. */
  readonly starts: Gate;
  readonly events: EventSink;
  /** Absent on light simulated nodes, which count nothing. */
  readonly metrics?: AgentMetrics;
  readonly clock: Clock;
  readonly prng: Prng;
  /** When this agent began: what ran before, it takes over. */
  readonly startedAtMs: number;
  readonly log: Logger;
  /** The node's part of the cgroup hierarchy: `/naru-1a2b3c`. */
  readonly cgroupRoot: string;
  readonly podLogs: string;
  readonly hostIps: readonly string[];
  readonly runtimeName: string;
  readonly allocatable: {
    readonly milliCpu: number;
    readonly memoryBytes: number;
    readonly ephemeralStorageBytes?: number;
  };
  /** How limits follow from what pods ask for, here. */
  readonly rules: ResourceRules;
  /** Who was given what, and the resizes under way. */
  readonly resizes: Pick<PodResizer, 'allocated' | 'view' | 'adopt' | 'changed' | 'persisted' | 'acted' | 'failed'>;
  /** How the devices given to its containers are, by container; undefined: it has none. */
  readonly deviceHealth?: (pod: Pod) => ReadonlyMap<string, readonly ResourceStatus[]> | undefined;
  readonly clusterDns: ClusterDns | undefined;
  /** What a container gets beside its own variables: where services are. @throws ConfigError while that is not known */
  readonly environment: (pod: Pod) => Promise<readonly Variable[]>;
}
