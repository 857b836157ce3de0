/** The kinds that own pods and keep a number of them: apps/v1, ReplicationController, PodTemplate. */
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '../../api/schema/types/apps-v1.ts';
import type { PodTemplate, ReplicationController } from '../../api/schema/types/core-v1.ts';
import {
  setDaemonSetDefaults,
  setDeploymentDefaults,
  setPodTemplateObjectDefaults,
  setReplicaSetDefaults,
  setReplicationControllerDefaults,
  setStatefulSetDefaults,
} from '../defaults/workloads.ts';
import { draftOf, sameJson } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { immutable, nonNegative } from '../validation/checks.ts';
import { validatePodTemplate } from '../validation/pod.ts';
import {
  validateDaemonSet,
  validateDaemonSetUpdate,
  validateDeployment,
  validateDeploymentUpdate,
  validateReplicaSet,
  validateReplicaSetUpdate,
  validateReplicationController,
  validateStatefulSet,
  validateStatefulSetUpdate,
} from '../validation/workloads.ts';

export const deploymentStrategy: Strategy<Deployment> = {
  generation: true,
  setDefaults: setDeploymentDefaults,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  prepareForStatusUpdate(deployment, old) {
    const metadata = (deployment.metadata ??= {});
    if (old.metadata?.labels) metadata.labels = draftOf(old.metadata.labels);
    else delete metadata.labels;
  },
};

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  generation: true,
  setDefaults: setReplicaSetDefaults,
  validate: validateReplicaSet,
  validateUpdate: validateReplicaSetUpdate,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
};

export const statefulSetStrategy: Strategy<StatefulSet> = {
  generation: true,
  setDefaults: setStatefulSetDefaults,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
};

export const daemonSetStrategy: Strategy<DaemonSet> = {
  generation: true,
  setDefaults: setDaemonSetDefaults,
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
};

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  dependents: 'orphaned',
  generation: true,
  setDefaults: setReplicationControllerDefaults,
  validate: validateReplicationController,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
};

export const podTemplateStrategy: Strategy<PodTemplate> = {
  allowCreateOnUpdate: true,
  returnDeletedObject: true,
  generation: true,
  setDefaults: setPodTemplateObjectDefaults,
  validate: ({ template }) => validatePodTemplate('template', template),
};

/** A record of what a template once was. */
export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  validate: ({ revision }) => nonNegative('revision', revision),
  validateUpdate: (revision, old) => immutable('data', revision.data, sameJson(revision.data, old.data)),
};
