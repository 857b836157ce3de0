/** What the pod worker asks of the node's disk. `PodFolders` keeps it; simulated nodes have none. */
import type { Container, Pod } from '../../../api/schema/types/core-v1.ts';
import type { MountConfig } from '../../runtime.ts';
import type { ProjectionFacts } from './projected-files.ts';

export type StorageFacts = Omit<ProjectionFacts, 'tokens'>;

export interface ContainerMountFacts {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly podIps: readonly string[];
  /** For `subPathExpr`. */
  readonly env: ReadonlyMap<string, string>;
  readonly clusterDomain: string;
}

export interface PodStorage {
  /** It never holds anything: nothing in it need be brought up to date. */
  readonly isEmpty?: boolean;
  /** Makes the pod's volumes, or brings those made from objects up to date. Idempotent. @throws VolumeError */
  prepare(facts: StorageFacts): Promise<void>;
  /** The mounts of one run of a container. The volumes must be prepared. @throws ConfigError, VolumeError */
  containerMounts(facts: ContainerMountFacts): Promise<readonly MountConfig[]>;
  /** What the run left in its termination log; empty where it left nothing. */
  terminationMessage(uid: string, container: string, attempt: number): Promise<string>;
  /** Takes away all that was made for the pod. Idempotent. */
  remove(uid: string): Promise<void>;
  /** The pods that something is kept for. */
  uids(): Promise<readonly string[]>;
}

export const noStorage: PodStorage = {
  isEmpty: true,
  prepare: async () => {},
  containerMounts: async () => [],
  terminationMessage: async () => '',
  remove: async () => {},
  uids: async () => [],
};
