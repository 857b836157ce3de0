/** What the pod worker asks of the node's disk. `PodFolders` keeps it; simulated nodes have none. */
import type { Container, Pod } from '../../../api/schema/types/core-v1.ts';
import type { ClaimSource, ObjectSource } from '../../object-source.ts';
import type { DeviceConfig, MountConfig, RuntimeFeatures } from '../../runtime.ts';
import type { ProjectionFacts } from './projected-files.ts';

export interface StorageFacts extends Omit<ProjectionFacts, 'tokens'> {
  readonly source: ObjectSource & ClaimSource;
}

export interface ContainerMountFacts {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly podIps: readonly string[];
  /** For `subPathExpr`. */
  readonly env: ReadonlyMap<string, string>;
  readonly clusterDomain: string;
  /** What the runtime can do. */
  readonly features: RuntimeFeatures;
}

/** What one run of a container gets of the pod's volumes. */
export interface ContainerVolumes {
  readonly mounts: readonly MountConfig[];
  /** Block devices of claims. */
  readonly devices: readonly DeviceConfig[];
  /** Groups that may use the pod's volumes. */
  readonly groups: readonly number[];
}

/** Where the bytes of one volume lie. */
export interface VolumePlace {
  readonly name: string;
  readonly path: string;
  /** Whose they are: the pod's, of the node's disk (`ephemeral-storage`); memory; or somebody else's, such as a claim's. */
  readonly usage: 'disk' | 'memory' | 'foreign';
  /** The name of its claim. */
  readonly claim?: string;
}

export interface PodStorage {
  /** It never holds anything: nothing in it need be brought up to date. */
  readonly isEmpty?: boolean;
  /**
   * Makes the pod's volumes, or brings those made from objects up to date. Idempotent. Resolves with when it is to be called again though no
   * object has changed; Infinity: never.
   * @throws VolumeError
   */
  prepare(facts: StorageFacts): Promise<number>;
  /** What one run of a container gets. The volumes must be prepared. @throws ConfigError, VolumeError */
  containerVolumes(facts: ContainerMountFacts): Promise<ContainerVolumes>;
  /** At most `bytesMax` of a file in a volume of the pod, which never lies outside of it. @throws Error where it cannot be read */
  readFile(pod: Pod, volume: string, path: string, bytesMax: number): Promise<Buffer>;
  /** The pod's volumes as far as they are prepared. */
  places(pod: Pod): readonly VolumePlace[];
  /** What the run left in its termination log; empty where it left nothing. */
  terminationMessage(uid: string, container: string, attempt: number): Promise<string>;
  /** Takes away all that was made for the pod. Idempotent. @throws VolumeError where something is busy; try again */
  remove(uid: string): Promise<void>;
  /** Removes the folder of a PersistentVolume that naru made. Idempotent. @throws VolumeError where it is in use, or no such volume */
  removeVolume(name: string): Promise<void>;
  /** The pods that something is kept for. */
  uids(): Promise<readonly string[]>;
}

const nothing: ContainerVolumes = { mounts: [], devices: [], groups: [] };

export const noStorage: PodStorage = {
  isEmpty: true,
  prepare: () => Promise.resolve(Number.POSITIVE_INFINITY),
  containerVolumes: () => Promise.resolve(nothing),
  readFile: () => Promise.reject(new Error('this node keeps no files')),
  places: () => [],
  terminationMessage: () => Promise.resolve(''),
  remove: () => Promise.resolve(),
  removeVolume: () => Promise.resolve(),
  uids: () => Promise.resolve([]),
};
