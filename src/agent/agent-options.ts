/** What a node is made of, as its owner says it; and what follows from that. */
import path from 'node:path';
import type { Taint } from '../api/schema/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { DiskLayout } from './eviction/thresholds.ts';
import type { ImageSharing } from './images/node-images.ts';
import { defaultKubeletConfiguration, type KubeletConfiguration } from './kubelet-configuration.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import type { NodeFacts } from './node-facts.ts';
import type { ClusterDns } from './pod/dns.ts';
import type { PodHook } from './pod/pod-hook.ts';
import type { AgentPlatform, EventSink, PodHost } from './pod/pod-host.ts';
import type { Runtime, RuntimeInfo } from './runtime.ts';
import type { ManifestReader } from './static-pods/manifest-folder.ts';
import type { StatsSource } from './stats/summary.ts';

export interface AgentOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly nodeName: string;
  /** The folder for this node's state: volumes and logs of pods. */
  readonly home: string;
  /** The folder for PersistentVolumes that are folders of this node: they outlast its state. `volumes` in `home` where absent. */
  readonly volumes?: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** This node's part of the cgroup hierarchy: `/naru-1a2b3c`. */
  readonly cgroupRoot?: string;
  /** One range of a family, with a comma between. */
  readonly podCidr?: string;
  /** Where the node was told no range of its own: is called with those that the API gave to it, one of a family. */
  readonly takePodCidrs?: (podCidrs: readonly string[]) => Promise<void>;
  /** The machine's own where absent. */
  readonly platform?: AgentPlatform;
  /** Read from the machine at the start where absent. */
  readonly facts?: NodeFacts;
  /** The node's own, where the machine has several: one of a family, with a comma between. */
  readonly address?: string;
  /** How ids of containers begin in statuses; `containerd` where absent. */
  readonly runtimeName?: string;
  /** Beside those that say what the machine is. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The node is made with these; afterwards they are others' to change. */
  readonly taints?: readonly Taint[];
  readonly clusterDns?: ClusterDns;
  /** Containers are told where services are, by variables. Those of a machine always; what is simulated reads none. */
  readonly serviceLinks?: boolean;
  /** Variables that a container gets before its own. */
  readonly environment?: PodHost['environment'];
  /** Sandboxes and containers made at a time; 8 where absent. */
  readonly startsMax?: number;
  /** What the runtime can do; asked at the start where absent. */
  readonly runtimeInfo?: RuntimeInfo;
  /** Makes a simulated node evict, too, by these figures. */
  readonly evicts?: { readonly stats: StatsSource; readonly layout: () => Promise<DiskLayout> };
  /** What differs from upstream's defaults. */
  readonly configuration?: Partial<KubeletConfiguration>;
  /** For `configuration.staticPodPath`: makes a pod of a manifest's text. Without it there are no static pods. */
  readonly readManifest?: ManifestReader;
  /** How images that were imported on one node come to others; absent: not at all. */
  readonly imageSharing?: ImageSharing;
  /** Others than the agent's own, which pods pass last. */
  readonly hooks?: readonly PodHook[];
  /** Where the agent counts, and others with it; its own where absent. */
  readonly metrics?: AgentMetrics;
  /** Where events go; to the API where absent. */
  readonly events?: EventSink;
}

export function configurationOf({ configuration }: AgentOptions): KubeletConfiguration {
  return { ...defaultKubeletConfiguration, ...configuration };
}

export function cgroupRootOf({ cgroupRoot, nodeName }: AgentOptions): string {
  return cgroupRoot ?? `/naru-${nodeName}`;
}

/** The options of who makes pods: they are told where their events go. */
export type PodOptions = AgentOptions & { readonly events: EventSink };

/** Simulated nodes have a platform of their own, and no disk. */
export const isMachine = ({ platform }: AgentOptions): boolean => platform === undefined;

export const volumesOf = ({ home, volumes }: AgentOptions): string => volumes ?? path.join(home, 'volumes');

/** Where a machine keeps what it must know after a restart. */
export const diskOf = (options: AgentOptions): string | undefined => (isMachine(options) ? options.home : undefined);
