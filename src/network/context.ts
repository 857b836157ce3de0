/**
 * What every part of a node's network is made from. A part is a function `(context) => Service` in a folder of its own and a line in
 * `node-network.ts`; it reads the API through shared informers, computes with pure functions, and touches the kernel or HAProxy in one thin shell.
 *
 * Kept true for all parts: `close` lets go and leaves what runs as it is (rules, routes, HAProxy), so that a restart of the agent interrupts
 * nobody; the next start brings what is there to what is wanted, without a gap. What `naru down` removes says `teardown.ts`.
 */
import type { KubeObject } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import type { Client, Resource } from '../client/client.ts';
import type { InformerSet } from '../client/informer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import type { NetworkConfigurationSource } from './configuration.ts';
import type { NftRunner } from './kernel/nft.ts';

/** Events about objects of the API: which one is at fault, and why. */
export interface NetworkEvents {
  record<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void;
}

/** What the node's own agent does for its network. */
export interface NodeMachine {
  /** Pods that begin from now on get this as their largest packet; undefined: the kernel's default. */
  usePodMtu(mtu: number | undefined): Promise<void>;
  /** From now on no container starts before the gate is through. The result takes the gate out. */
  addPodGate(gate: PodGate): () => void;
  /** From now on containers of a deleted pod are signalled when the farewell is over. The result takes it out. */
  addPodFarewell(farewell: PodFarewell): () => void;
}

/** Told of a pod and its addresses before each of its containers starts, also of static pods. Resolves when its network is ready. */
export type PodGate = (pod: Pod, addresses: readonly string[]) => Promise<void>;

/**
 * Told of a pod that was deleted before its containers are signalled, while its grace period runs. Resolves when nobody sends it anything new; nobody waits
 * longer than `msMax`. Undefined: nothing is to be waited for.
 */
export type PodFarewell = (pod: Pod, msMax: number) => Promise<void> | undefined;

export interface NetworkContext {
  readonly client: Client;
  /** This node's own, shared by all parts of its network. A part asks for what it reads when it is made, or later where few need it. */
  readonly informers: InformerSet;
  readonly events: NetworkEvents;
  readonly configuration: NetworkConfigurationSource;
  /** Shown with the agent's own at the node's `/metrics`. */
  readonly metrics: MetricRegistry;
  readonly machine: NodeMachine;
  /** The node's nft (an `NftProcess`), shared by all tables: `new NftKeeper({ ...context, base })` is a table on it. */
  readonly nft: NftRunner;
  readonly nodeName: string;
  /** Eight hex digits that stand for this home: names of tables, interfaces and files outside of it carry them. */
  readonly id: string;
  /** A folder (0700) in this home for the state of the network's parts. */
  readonly folder: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}
