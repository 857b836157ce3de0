/**
 * What concerns the node's resources, put together: how much there is for pods, who is let in, who was given what, and the cgroups above
 * pods. `agent.ts` takes the parts from here.
 */

import { integerValue, milliValue } from '../../api/quantity.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { NodeFacts } from '../node-facts.ts';
import { type NodeStatusPart, newNode, resourcesOf } from '../node-status.ts';
import { noCgroups, type PodCgroups } from '../pod/cgroups.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { EventSink } from '../pod/pod-host.ts';
import type { ResourceRules } from '../pod/qos.ts';
import { NodeAdmission, type PodControl } from './admission.ts';
import { AllocationFile, noAllocationStore } from './allocation-file.ts';
import { NodeAllocatable } from './node-allocatable.ts';
import type { NodeSource } from './own-node.ts';
import { PodResizer, type ResizablePods } from './pod-resizer.ts';
import { QosTiers } from './qos-tiers.ts';

export interface NodeResourcesOptions {
  readonly nodeName: string;
  readonly facts: NodeFacts;
  readonly configuration: KubeletConfiguration;
  readonly cgroups: PodCgroups;
  readonly cgroupRoot: string;
  /** Absent: pods are taken as the scheduler sends them. */
  readonly node?: NodeSource;
  /** The folder of the node's state, where it has a disk. */
  readonly home?: string;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The pods of the node, as far as admission and resizes act on them. */
export type NodePods = PodControl & ResizablePods;

export class NodeResources {
  readonly rules: ResourceRules;
  /** What a container without limits may use at most, as its variables tell it. */
  readonly allocatable: Pick<NodeFacts, 'milliCpu' | 'memoryBytes' | 'ephemeralStorageBytes'>;
  readonly statusPart: NodeStatusPart;
  readonly hooks: readonly PodHook[];
  readonly resizes: PodResizer;
  /** To be started before pods come. */
  readonly service: Service;
  #pods: NodePods | undefined;

  /** @throws Error that names the setting which cannot be */
  constructor(options: NodeResourcesOptions) {
    const { facts, configuration, events, clock, log, node, home, cgroups } = options;
    const allocatable = new NodeAllocatable(configuration);
    allocatable.check(facts);
    this.statusPart = allocatable.statusPart;
    const left = allocatable.of(resourcesOf(facts));
    this.allocatable = {
      milliCpu: milliValue(left['cpu'] ?? '0'),
      memoryBytes: integerValue(left['memory'] ?? '0'),
      ephemeralStorageBytes: integerValue(left['ephemeral-storage'] ?? '0'),
    };
    this.rules = {
      memoryCapacityBytes: facts.memoryBytes,
      cpuCFSQuota: configuration.cpuCFSQuota,
      hugepageSizes: Object.keys(facts.hugepageBytes ?? {}),
      podPidsLimit: configuration.podPidsLimit,
    };
    const tiers =
      cgroups === noCgroups ? undefined : new QosTiers({ ...options, enforced: allocatable.enforced(facts) });
    const store = home === undefined ? noAllocationStore : new AllocationFile(home, log);
    const resizer = { store, node: () => node?.get(), rules: this.rules, events, clock, log };
    const promised = (pod: Pod): void => tiers?.admit(pod);
    const pods = (): NodePods => this.#attached;
    this.resizes = new PodResizer({ ...resizer, promised }, pods);
    const fresh: Node = { ...newNode(options.nodeName, facts, undefined, {}), status: { allocatable: left } };
    const { operatingSystem } = facts;
    const admission = node && new NodeAdmission({ node, newNode: fresh, operatingSystem, events, clock }, pods);
    this.hooks = [...(admission ? [admission] : []), ...(tiers ? [tiers] : []), this.resizes];
    const parts = [...(tiers ? [tiers] : []), this.resizes];
    this.service = {
      name: 'resources',
      start: async () => {
        for (const part of parts) await part.start();
      },
      close: async () => {
        for (const part of parts.toReversed()) await part.close();
      },
    };
  }

  attach(pods: NodePods): void {
    this.#pods = pods;
  }

  get #attached(): NodePods {
    if (this.#pods === undefined) throw new Error('a pod came before the node was put together');
    return this.#pods;
  }
}
