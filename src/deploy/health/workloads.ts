/** Health of what makes pods: rolled out means that all wanted pods are of the last template and available, as `kubectl rollout status` has it. */
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { HorizontalPodAutoscaler } from '../../api/schema/types/autoscaling-v2.ts';
import type { CronJob, Job } from '../../api/schema/types/batch-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import {
  conditionText,
  counted,
  failing,
  type Health,
  type HealthRules,
  healthy,
  isBehind,
  progressing,
  unseenMessage,
} from './base.ts';

export const workloadHealth: HealthRules = {
  'Deployment.apps': deployment,
  'StatefulSet.apps': statefulSet,
  'DaemonSet.apps': daemonSet,
  'ReplicaSet.apps': replicaSet,
  'ReplicationController.': replicaSet,
  'Job.batch': job,
  'CronJob.batch': cronJob,
  'HorizontalPodAutoscaler.autoscaling': autoscaler,
  'PodDisruptionBudget.policy': budget,
};

const unseen = progressing(unseenMessage);

const seen = (generation: number | undefined, observed: number | undefined): boolean =>
  observed !== undefined && !isBehind(generation, observed);

const ready = (have: number, want: number): string =>
  `${have} of ${counted(want, 'pod')} ${want === 1 ? 'is' : 'are'} ready`;

function deployment({ metadata, spec, status = {} }: Deployment): Health {
  if (!seen(metadata?.generation, status.observedGeneration)) return unseen;
  const of = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const want = spec?.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status;
  const refused = of('ReplicaFailure');
  if (refused?.status === 'True') return failing(`its pods are refused: ${conditionText(refused)}`);
  const moving = of('Progressing');
  if (moving?.reason === 'ProgressDeadlineExceeded') {
    const seconds = spec?.progressDeadlineSeconds ?? 600;
    return failing(`it made no progress for ${seconds} s: ${ready(availableReplicas, want)}`);
  }
  const isDone = updatedReplicas >= want && replicas <= updatedReplicas && availableReplicas >= updatedReplicas;
  if (isDone) return healthy(want === 0 ? 'it is scaled to 0' : ready(availableReplicas, want));
  if (spec?.paused === true)
    return failing(
      `it is paused, with ${updatedReplicas} of ${counted(want, 'pod')} updated; naru rollout resume goes on`,
    );
  if (updatedReplicas < want) return progressing(`${updatedReplicas} of ${counted(want, 'pod')} updated`);
  if (replicas > updatedReplicas) return progressing(`${counted(replicas - updatedReplicas, 'old pod')} still to end`);
  return progressing(ready(availableReplicas, want));
}

function statefulSet({ metadata, spec, status }: StatefulSet): Health {
  if (status === undefined || !seen(metadata?.generation, status.observedGeneration)) return unseen;
  const want = spec?.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, replicas } = status;
  if (readyReplicas < want) return progressing(ready(readyReplicas, want));
  if (replicas > want) return progressing(`${counted(replicas - want, 'pod')} too many still to end`);
  if (spec?.updateStrategy?.type === 'OnDelete') return healthy(ready(readyReplicas, want));
  const toUpdate = want - (spec?.updateStrategy?.rollingUpdate?.partition ?? 0);
  if (status.updateRevision !== status.currentRevision && updatedReplicas < toUpdate) {
    return progressing(`${updatedReplicas} of ${counted(toUpdate, 'pod')} updated`);
  }
  return healthy(want === 0 ? 'it is scaled to 0' : ready(readyReplicas, want));
}

function daemonSet({ metadata, spec, status }: DaemonSet): Health {
  if (status === undefined || !seen(metadata?.generation, status.observedGeneration)) return unseen;
  const { desiredNumberScheduled: want, updatedNumberScheduled = 0, numberAvailable = 0 } = status;
  if (want === 0) return healthy('no node is meant for it');
  if (spec?.updateStrategy?.type !== 'OnDelete' && updatedNumberScheduled < want) {
    return progressing(`${updatedNumberScheduled} of ${counted(want, 'pod')} updated`);
  }
  return (numberAvailable < want ? progressing : healthy)(ready(numberAvailable, want));
}

function replicaSet({ metadata, spec, status }: ReplicaSet): Health {
  if (status === undefined || !seen(metadata?.generation, status.observedGeneration)) return unseen;
  const want = spec?.replicas ?? 1;
  const { availableReplicas = 0, replicas } = status;
  const refused = status.conditions?.find(({ type, status: value }) => type === 'ReplicaFailure' && value === 'True');
  if (refused !== undefined) return failing(`its pods are refused: ${conditionText(refused)}`);
  if (replicas > want) return progressing(`${counted(replicas - want, 'pod')} too many still to end`);
  if (availableReplicas < want) return progressing(ready(availableReplicas, want));
  return healthy(want === 0 ? 'it is scaled to 0' : ready(availableReplicas, want));
}

function job({ spec, status = {} }: Job): Health {
  const of = (type: string) => status.conditions?.find((found) => found.type === type && found.status === 'True');
  const failed = of('Failed');
  if (failed !== undefined) return failing(`it failed: ${conditionText(failed)}`);
  if (of('Complete') !== undefined) return healthy('it is done');
  if (spec?.suspend === true) return healthy('it is suspended');
  const want = spec?.completions ?? spec?.parallelism ?? 1;
  const troubles = (status.failed ?? 0) > 0 ? `, ${counted(status.failed ?? 0, 'pod')} failed` : '';
  return progressing(`${status.succeeded ?? 0} of ${counted(want, 'run')} done${troubles}`);
}

function cronJob({ spec, status = {} }: CronJob): Health {
  if (spec?.suspend === true) return healthy('it is suspended');
  const running = status.active?.length ?? 0;
  return healthy(
    running > 0 ? `${counted(running, 'job')} running` : `it waits for its time (${spec?.schedule ?? ''})`,
  );
}

function autoscaler({ spec, status }: HorizontalPodAutoscaler): Health {
  const of = (type: string) => status?.conditions?.find((condition) => condition.type === type);
  const able = of('AbleToScale');
  if (able?.status === 'False' && able.reason !== 'BackoffBoth')
    return failing(`it cannot scale: ${conditionText(able)}`);
  const active = of('ScalingActive');
  if (active?.status === 'False' && active.reason !== 'ScalingDisabled') {
    return progressing(`it knows no load: ${conditionText(active)}`);
  }
  if (status?.desiredReplicas === undefined) return progressing('nothing was measured yet');
  return healthy(`it wants ${counted(status.desiredReplicas, 'pod')}, of at most ${spec?.maxReplicas ?? '?'}`);
}

function budget({ metadata, status }: PodDisruptionBudget): Health {
  if (status === undefined || isBehind(metadata?.generation, status.observedGeneration)) return unseen;
  const { currentHealthy = 0, desiredHealthy = 0, disruptionsAllowed = 0 } = status;
  if (currentHealthy < desiredHealthy) {
    return progressing(`${currentHealthy} of ${counted(desiredHealthy, 'pod')} that it asks for are healthy`);
  }
  return healthy(`${counted(disruptionsAllowed, 'pod')} may be taken away`);
}
