/** The kinds that keep a number of equal pods, and in what they differ. Pure. */
import type { ReplicaSet, ReplicaSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { ReplicationController } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector, OwnerReference } from '../../api/schema/types/meta-v1.ts';
import type { Resource } from '../../client/client.ts';
import { replicaSets, replicationControllers } from '../../client/resources.ts';

export type Replicated = ReplicaSet | ReplicationController;

export interface ReplicaKind<O extends Replicated> {
  readonly resource: Resource<O>;
  readonly loop: string;
  readonly serviceAccount: string;
  /** Does a pod's controller reference name this kind? */
  readonly isNamedBy: (reference: OwnerReference) => boolean;
  readonly selectorOf: (owner: O) => LabelSelector | undefined;
  /** The part of the status that the kind has a field for. */
  readonly statusFrom: (status: ReplicaSetStatus) => NonNullable<O['status']>;
}

export const replicaSetKind: ReplicaKind<ReplicaSet> = {
  resource: replicaSets,
  loop: 'replicaset',
  serviceAccount: 'replicaset-controller',
  isNamedBy: ({ kind, apiVersion }) => kind === 'ReplicaSet' && apiVersion.startsWith('apps/'),
  selectorOf: ({ spec }) => spec?.selector,
  statusFrom: (status) => status,
};

export const replicationControllerKind: ReplicaKind<ReplicationController> = {
  resource: replicationControllers,
  loop: 'replicationcontroller',
  serviceAccount: 'replication-controller',
  isNamedBy: ({ kind, apiVersion }) => kind === 'ReplicationController' && apiVersion === 'v1',
  // An empty selector of this kind selects nothing; an empty `LabelSelector` would select all.
  selectorOf: ({ spec }) =>
    Object.keys(spec?.selector ?? {}).length === 0 ? undefined : { matchLabels: spec?.selector ?? {} },
  statusFrom: (all) => {
    const { terminatingReplicas: _, ...status } = all;
    return status;
  },
};
