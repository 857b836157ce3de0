/**
 * Follows the cluster: what informers tell goes into snapshot, nominations and budgets, and wakes those in the queue whom it may help.
 *
 * Kept true: all of it happens synchronously, change by change, so that between two decisions the snapshot is whole. An assumed pod counts
 * on its node until the informer shows it bound, or it is forgotten.
 */
import { type KubeObject, objectKey } from '../api/object.ts';
import { claimNamesOf } from '../api/pod-resource-claims.ts';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../api/schema/types/resource-v1.ts';
import type { Client, Resource } from '../client/client.ts';
import type { Informer, InformerHandler, InformerSet } from '../client/informer.ts';
import * as resources from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Prng } from '../lib/prng.ts';
import { DeviceBook } from './devices/device-book.ts';
import { DisruptionBudgets } from './disruption-budgets.ts';
import type { World } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import { PodGroups } from './gang/pod-groups.ts';
import { PodFacts } from './pod-facts.ts';
import { assignedPodChanges, type ChangeKind, nodeChanges, waitingPodChanges } from './queue/changes.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';
import { Nominations } from './snapshot/nominations.ts';
import { Snapshot } from './snapshot/snapshot.ts';
import { VolumeBook } from './volumes/volume-book.ts';
import { Workloads, workloadCaches } from './workloads.ts';

export interface ClusterViewOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly informers: InformerSet;
  readonly queue: SchedulingQueue;
  /** Undefined: some other scheduler's pod. */
  readonly profileOf: (pod: Pod) => Profile | undefined;
  /** A pod that has its node waits for devices to become ready there. */
  readonly waitsForDevices: (pod: Pod, node: string) => void;
  /** What stands for extended resources has changed: what was found out about nodes does not hold any more. */
  readonly deviceClassesChanged: () => void;
}

/** Kinds of changes of objects that only plugins read. */
interface Watched {
  readonly added?: ChangeKind;
  readonly updated?: ChangeKind;
  readonly deleted?: ChangeKind;
}

export class ClusterView {
  readonly world: World;
  readonly budgets = new DisruptionBudgets();
  /** Resolves when every cache that decisions read is filled. */
  readonly synced: Promise<void>;
  readonly #options: ClusterViewOptions;
  readonly #snapshot = new Snapshot();
  readonly #nominations = new Nominations(this.#snapshot);
  readonly #pods: Informer<Pod>;
  readonly #groups = new PodGroups((key) => this.#options.queue.reconsider(key));
  readonly #devices: DeviceBook;
  /** Decided and not yet seen bound, by key: uids, since another pod may have taken the name when an answer comes. */
  readonly #assumed = new Map<string, string>();
  readonly #listeners: (() => () => void)[] = [];
  readonly #awaited: Promise<void>[] = [];
  #handlers: (() => void)[] = [];

  constructor(options: ClusterViewOptions) {
    this.#options = options;
    const { informers, client, clock } = options;
    const of = <T extends KubeObject>(resource: Resource<T>): Informer<T> => informers.informer(resource);
    this.#pods = of(resources.pods);
    const namespaces = of(resources.namespaces);
    this.#snapshot.readNamespaces((name) => namespaces.cache.byKey(name)?.metadata?.labels);
    const volumes = new VolumeBook(
      {
        pods: this.#pods,
        claims: of(resources.persistentVolumeClaims),
        volumes: of(resources.persistentVolumes),
        classes: of(resources.storageClasses),
        drivers: of(resources.csiDrivers),
        csiNodes: of(resources.csiNodes),
        capacities: of(resources.csiStorageCapacities),
        attachments: of(resources.volumeAttachments),
      },
      client,
      clock,
    );
    const workloads = new Workloads(workloadCaches(informers));
    const devices = new DeviceBook({
      ...options,
      claims: of(resources.resourceClaims),
      classes: of(resources.deviceClasses),
      rules: of(resources.deviceTaintRules),
      waits: options.waitsForDevices,
      // As if it had got them, and had given them back.
      freed(after, allocation) {
        const before: ResourceClaim = { ...after, status: { allocation } };
        options.queue.changed({ kinds: ['ResourceClaimUpdate'], before, after });
      },
    });
    this.#devices = devices;
    this.#pods.addIndex(claimIndex, claimKeysOf);
    this.world = {
      snapshot: this.#snapshot,
      nominations: this.#nominations,
      volumes,
      workloads,
      groups: this.#groups,
      devices,
    };
    this.#declare(of, namespaces);
    const awaited = [of(resources.nodes).synced, this.#pods.synced, namespaces.synced, ...this.#awaited];
    this.synced = Promise.all(awaited).then(() => {});
  }

  #declare(of: <T extends KubeObject>(resource: Resource<T>) => Informer<T>, namespaces: Informer<KubeObject>): void {
    const follow = <T extends KubeObject>(informer: Informer<T>, handler: InformerHandler<T>): void => {
      this.#listeners.push(() => informer.addHandler(handler));
    };
    follow(of(resources.nodes), {
      added: (node) => this.#nodeChanged(node),
      updated: (node, previous) => this.#nodeChanged(node, previous),
      deleted: (node) => this.#nodeGone(node),
    });
    follow(namespaces, {
      added: (after) => this.#namespaceChanged(after),
      updated: (after, before) => this.#namespaceChanged(after, before),
    });
    const budgets = of(resources.podDisruptionBudgets);
    follow(budgets, {
      added: (budget) => this.budgets.set(budget),
      updated: (budget) => this.budgets.set(budget),
      deleted: (budget) => this.budgets.remove(budget),
    });
    this.#awaited.push(budgets.synced);
    const watch = <T extends KubeObject>(resource: Resource<T>, watched: Watched): void => {
      const informer = of(resource);
      this.#awaited.push(informer.synced);
      follow(informer, this.#waker(watched) as InformerHandler<T>);
    };
    watch(resources.persistentVolumeClaims, {
      added: 'PersistentVolumeClaimAdd',
      updated: 'PersistentVolumeClaimUpdate',
    });
    watch(resources.persistentVolumes, { added: 'PersistentVolumeAdd', updated: 'PersistentVolumeUpdate' });
    watch(resources.storageClasses, { added: 'StorageClassAdd', updated: 'StorageClassUpdate' });
    watch(resources.csiNodes, { added: 'CSINodeAdd', updated: 'CSINodeUpdate' });
    watch(resources.csiDrivers, { updated: 'CSIDriverUpdate' });
    watch(resources.csiStorageCapacities, { added: 'CSIStorageCapacityAdd', updated: 'CSIStorageCapacityUpdate' });
    watch(resources.volumeAttachments, { deleted: 'VolumeAttachmentDelete' });
    this.#declareDevices(of);
    const { services, replicationControllers, replicaSets, statefulSets } = resources;
    this.#awaited.push(of(services).synced, of(replicationControllers).synced);
    this.#awaited.push(of(replicaSets).synced, of(statefulSets).synced);
    const groups = of(resources.podGroups);
    this.#awaited.push(groups.synced);
    follow(groups, {
      added: (group) => {
        this.#groups.setGroup(group);
        this.#options.queue.changed({ kinds: ['PodGroupAdd'], after: group });
      },
      updated: (group) => this.#groups.setGroup(group),
      deleted: (group) => this.#groups.removeGroup(group),
    });
    // Last, so that whoever becomes active finds all the rest in place.
    follow(this.#pods, {
      added: (pod) => this.#podChanged(pod),
      updated: (pod, previous) => this.#podChanged(pod, previous),
      deleted: (pod) => this.#podGone(pod),
    });
  }

  /** Devices first: whoever is woken finds them as they are now. */
  #declareDevices(of: <T extends KubeObject>(resource: Resource<T>) => Informer<T>): void {
    const devices = this.#devices;
    const tell = <T extends KubeObject>(
      resource: Resource<T>,
      watched: Watched,
      first: { readonly told: (object: T) => void; readonly gone: (object: T) => void },
    ): void => {
      const informer = of(resource);
      this.#awaited.push(informer.synced);
      const waker = this.#waker(watched);
      this.#listeners.push(() =>
        informer.addHandler({
          added(object) {
            first.told(object);
            waker.added?.(object);
          },
          updated(object, previous) {
            first.told(object);
            waker.updated?.(object, previous);
          },
          deleted(object) {
            first.gone(object);
            waker.deleted?.(object);
          },
        }),
      );
    };
    const sliceKinds = { added: 'ResourceSliceAdd', updated: 'ResourceSliceUpdate' } as const;
    tell(resources.resourceSlices, sliceKinds, {
      told: (slice) => devices.sliceTold(slice),
      gone: (slice) => devices.sliceGone(slice),
    });
    // A rule changes what slices say of their devices.
    const rulesChanged = (): void => devices.rulesChanged();
    const ruleKinds = {
      added: 'ResourceSliceUpdate',
      updated: 'ResourceSliceUpdate',
      deleted: 'ResourceSliceUpdate',
    } as const;
    tell(resources.deviceTaintRules, ruleKinds, { told: rulesChanged, gone: rulesChanged });
    const { deviceClassesChanged } = this.#options;
    const classKinds = { added: 'DeviceClassAdd', updated: 'DeviceClassUpdate' } as const;
    tell(resources.deviceClasses, classKinds, { told: deviceClassesChanged, gone: deviceClassesChanged });
    const claimKinds = {
      added: 'ResourceClaimAdd',
      updated: 'ResourceClaimUpdate',
      deleted: 'ResourceClaimDelete',
    } as const;
    tell(resources.resourceClaims, claimKinds, {
      told: (claim) => this.#claimTold(claim),
      gone: (claim) => devices.claimGone(claim),
    });
  }

  /** Pods that wait for it to be there do so no longer. */
  #claimTold(claim: ResourceClaim): void {
    this.#devices.claimTold(claim);
    for (const pod of this.#pods.cache.byIndex(claimIndex, objectKey(claim))) {
      this.#options.queue.reconsider(objectKey(pod));
    }
  }

  listen(): void {
    this.#handlers = this.#listeners.map((listen) => listen());
  }

  close(): void {
    for (const remove of this.#handlers.splice(0)) remove();
    this.#devices.close();
  }

  /** The pod as the informer has it. */
  pod(key: string): Pod | undefined {
    return this.#pods.cache.byKey(key);
  }

  /** Counts the pod on the node before it is bound. */
  assume(pod: PodFacts, node: string): void {
    this.#assumed.set(pod.key, pod.uid);
    this.#snapshot.setPod(pod, node);
  }

  /** Its room is free again. False where it is gone, or was seen bound meanwhile. */
  forget({ key, uid }: PodFacts): boolean {
    if (this.#assumed.get(key) !== uid) return false;
    this.#assumed.delete(key);
    const facts = this.#snapshot.removePod(key);
    if (facts !== undefined) this.#options.queue.changed({ kinds: ['AssignedPodDelete'], before: facts.pod });
    return true;
  }

  #waker({ added, updated, deleted }: Watched): InformerHandler<KubeObject> {
    const { queue } = this.#options;
    return {
      ...(added && { added: (after: KubeObject) => queue.changed({ kinds: [added], after }) }),
      ...(updated && {
        updated: (after: KubeObject, before: KubeObject) => queue.changed({ kinds: [updated], before, after }),
      }),
      ...(deleted && { deleted: (before: KubeObject) => queue.changed({ kinds: [deleted], before }) }),
    };
  }

  #nodeChanged(after: Node, before?: Node): void {
    this.#snapshot.setNode(after);
    const kinds: ChangeKind[] = before === undefined ? ['NodeAdd'] : nodeChanges(before, after);
    this.#options.queue.changed({ kinds, before, after });
  }

  #nodeGone(before: Node): void {
    this.#snapshot.removeNode(before.metadata?.name ?? '');
    this.#devices.nodeGone(before.metadata?.name ?? '');
    this.#options.queue.changed({ kinds: ['NodeDelete'], before });
  }

  #namespaceChanged(after: KubeObject, before?: KubeObject): void {
    if (JSON.stringify(before?.metadata?.labels) === JSON.stringify(after.metadata?.labels)) return;
    this.#snapshot.namespaceLabelsChanged();
    this.#options.queue.changed({ kinds: ['NamespaceLabel'], before, after });
  }

  #podChanged(pod: Pod, previous?: Pod): void {
    const { queue } = this.#options;
    const key = objectKey(pod);
    if (pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') this.#groups.setPod(pod);
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') this.#podGone(pod);
    else if (pod.spec?.nodeName) {
      this.#assumed.delete(key);
      queue.remove(key);
      this.#nominations.remove(key);
      this.#snapshot.setPod(pod, pod.spec.nodeName);
      const kinds: ChangeKind[] = previous?.spec?.nodeName ? assignedPodChanges(previous, pod) : ['AssignedPodAdd'];
      queue.changed({ kinds, before: previous, after: pod });
    } else if (!this.#assumed.has(key)) this.#waitingChanged(pod, previous);
  }

  #waitingChanged(pod: Pod, previous: Pod | undefined): void {
    const { queue, profileOf } = this.#options;
    const key = objectKey(pod);
    this.#nominate(pod, previous);
    const profile = pod.metadata?.deletionTimestamp === undefined ? profileOf(pod) : undefined;
    if (profile === undefined) {
      queue.remove(key);
      return;
    }
    queue.add(pod, profile);
    if (previous !== undefined) {
      queue.changed({ kinds: waitingPodChanges(previous, pod), before: previous, after: pod }, key);
    }
  }

  /** What was decided here and is on its way to the server stands until somebody says otherwise. */
  #nominate(pod: Pod, previous: Pod | undefined): void {
    const node = pod.status?.nominatedNodeName;
    const before = previous?.status?.nominatedNodeName;
    if (node) this.#nominations.set(new PodFacts(pod), node);
    else if (before) this.#nominations.remove(objectKey(pod));
    // To others it is as if the pod had gone from there.
    if (before && before !== node) this.#options.queue.changed({ kinds: ['AssignedPodDelete'], before: previous });
  }

  #podGone(pod: Pod): void {
    const key = objectKey(pod);
    const { queue } = this.#options;
    this.#assumed.delete(key);
    this.#groups.removePod(pod);
    queue.remove(key);
    const hadPromise = this.#nominations.nodeOf(key) !== undefined;
    this.#nominations.remove(key);
    const hadNode = this.#snapshot.removePod(key) !== undefined;
    if (hadNode || hadPromise) queue.changed({ kinds: ['AssignedPodDelete'], before: pod });
  }
}

const claimIndex = 'waits for claim';
const noKeys: readonly string[] = [];

/** The claims of a pod without a node. */
function claimKeysOf(pod: Pod): readonly string[] {
  if (pod.spec?.resourceClaims === undefined || pod.spec.nodeName) return noKeys;
  return claimNamesOf(pod).map((name) => `${pod.metadata?.namespace ?? ''}/${name}`);
}
