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
import { type Draft, draftOf, sameJson } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { validatePodTemplate } from '../validation/pod.ts';
import { podTemplateWarnings } from '../validation/pod-warnings.ts';
import {
  statefulSetNameErrors,
  validateControllerRevision,
  validateControllerRevisionUpdate,
  validateStatefulSet,
  validateStatefulSetUpdate,
} from '../validation/stateful-sets.ts';
import {
  daemonSetStatusRule,
  deploymentStatusRule,
  replicaSetStatusRule,
  statefulSetStatusRule,
  validateStatusCounts,
} from '../validation/workload-status.ts';
import { podOwnerWarnings, statefulSetWarnings, templateWarnings } from '../validation/workload-warnings.ts';
import {
  validateDaemonSet,
  validateDeployment,
  validateReplicaSet,
  validateReplicationController,
  validateSelectorUpdate,
} from '../validation/workloads.ts';
import { checkNumber, rollbackRule, templatesAnnotation, templatesRule } from './numeric-annotations.ts';
import { dropDisabledPodFields } from './pod-disabled-fields.ts';

export const deploymentStrategy: Strategy<Deployment> = {
  generation: true,
  countsAnnotations: true,
  setDefaults(deployment) {
    checkNumber(rollbackRule, deployment);
    setDeploymentDefaults(deployment);
  },
  validate: validateDeployment,
  validateUpdate: validateSelectorUpdate,
  prepareForStatusUpdate(deployment, old) {
    const metadata = (deployment.metadata ??= {});
    if (old.metadata?.labels) metadata.labels = draftOf(old.metadata.labels);
    else delete metadata.labels;
  },
  validateStatusUpdate: validateStatusCounts(deploymentStatusRule),
  warnings: podOwnerWarnings,
};

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  generation: true,
  setDefaults: setReplicaSetDefaults,
  validate: validateReplicaSet,
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateStatusCounts(replicaSetStatusRule),
  warnings: podOwnerWarnings,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
};

export const statefulSetStrategy: Strategy<StatefulSet> = {
  generation: true,
  nameErrors: statefulSetNameErrors,
  setDefaults: setStatefulSetDefaults,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: validateStatusCounts(statefulSetStatusRule),
  warnings: statefulSetWarnings,
};

/** Nobody but the server counts. */
function templatesOf({ metadata }: DaemonSet | Draft<DaemonSet>): number {
  const text = metadata?.annotations?.[templatesAnnotation] ?? '0';
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
}

function countTemplates(set: Draft<DaemonSet>, count: number): void {
  const metadata = (set.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, [templatesAnnotation]: String(count) };
}

export const daemonSetStrategy: Strategy<DaemonSet> = {
  generation: true,
  updateRules: 'change first',
  setDefaults(set) {
    checkNumber(templatesRule, set);
    setDaemonSetDefaults(set);
  },
  prepareForCreate: (set) => countTemplates(set, Math.max(templatesOf(set), 1)),
  prepareForUpdate: (set, old) =>
    countTemplates(set, templatesOf(old) + (sameJson(set.spec?.template, old.spec?.template) ? 0 : 1)),
  validate: validateDaemonSet,
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateStatusCounts(daemonSetStatusRule),
  warnings: templateWarnings,
};

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  dependents: 'orphaned',
  generation: true,
  setDefaults: setReplicationControllerDefaults,
  validate: validateReplicationController,
  validateStatusUpdate: validateStatusCounts(replicaSetStatusRule),
  warnings: podOwnerWarnings,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
};

export const podTemplateStrategy: Strategy<PodTemplate> = {
  allowCreateOnUpdate: true,
  returnDeletedObject: true,
  generation: true,
  setDefaults: setPodTemplateObjectDefaults,
  prepareForCreate: ({ template }) => dropDisabledPodFields(template?.spec, undefined),
  prepareForUpdate: ({ template }, old) => dropDisabledPodFields(template?.spec, old.template?.spec),
  validate: ({ template }, old) => validatePodTemplate('template', template, old?.template),
  warnings: ({ metadata, template }, old) =>
    metadata?.generation === old?.metadata?.generation ? [] : podTemplateWarnings('template', template),
};

/** A record of what a template once was. */
export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  validate: validateControllerRevision,
  validateUpdate: validateControllerRevisionUpdate,
};
