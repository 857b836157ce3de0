/** Deployments, ReplicaSets, StatefulSets and DaemonSets: pods that could not be made, pods that do not work, rollouts that stand still. */
import type { KubeObject } from '../../api/object.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod, ReplicationController } from '../../api/schema/types/core-v1.ts';
import { replicaSets } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { isReady } from '../pods/containers.ts';
import { counted } from '../words.ts';
import { creationRefused, isControlledBy, podCauses, podsOf } from './pods-of.ts';
import { refusal } from './refused.ts';

const isDeleting = ({ metadata }: KubeObject): boolean => metadata?.deletionTimestamp !== undefined;

const broken = (pods: readonly Pod[]): Pod[] =>
  pods.filter((pod) => !isReady(pod) && pod.status?.phase !== 'Succeeded');

export async function deploymentRules(deployment: Deployment, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (isDeleting(deployment)) return [];
  const { replicas = 1, paused } = deployment.spec ?? {};
  const findings: Finding[] = [];
  if (paused === true) findings.push(pausedFinding(deployment));
  if (replicas === 0) findings.push(scaledToNothing(deployment));
  const sets = (await inquiry.look.list(replicaSets, deployment.metadata?.namespace ?? '')).filter(
    (set) => isControlledBy(set, deployment) && ((set.spec?.replicas ?? 1) > 0 || (set.status?.replicas ?? 0) > 0),
  );
  const causes = (await inquiry.intoAll(sets)).filter(({ severity }) => severity === 'problem');
  // A ReplicaSet says nothing that its Deployment does not say; what is behind it counts.
  const behind = causes.flatMap((cause) => (cause.code === 'PodsNotReady' ? cause.causes : [cause]));
  const { readyReplicas = 0, updatedReplicas = 0, conditions = [] } = deployment.status ?? {};
  const late = conditions.find(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded');
  if (replicas === 0 || (readyReplicas >= replicas && updatedReplicas >= replicas && behind.length === 0))
    return findings;
  if (behind.length === 0 && late === undefined && readyReplicas >= replicas) return findings;
  const said = conditions.filter(({ type, status }) =>
    type === 'ReplicaFailure' ? status === 'True' : status === 'False',
  );
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (behind.length === 0 && refused !== undefined) {
    behind.push(
      await refusal(deployment, refused.message ?? '', [`condition ReplicaFailure: ${refused.message ?? ''}`], inquiry),
    );
  }
  findings.push(
    finding(
      deployment,
      late === undefined ? 'PodsNotReady' : 'RolloutStuck',
      rolloutText(deployment, late !== undefined),
      {
        severity: behind.length > 0 || late !== undefined ? 'problem' : 'warning',
        why: said.map(({ type, status, message }) => `condition ${type} is ${status}: ${message ?? ''}`),
        causes: behind,
        fix: [
          late === undefined
            ? undefined
            : remedy(
                'Go back to what worked, if this change was the cause',
                `naru rollout undo ${argumentOf(subjectOf(deployment))}`,
              ),
        ],
      },
    ),
  );
  return findings;
}

const readyText = (ready: number, wanted: number): string =>
  `${ready} of ${counted(wanted, 'pod')} ${ready === 1 || wanted === 1 ? 'is' : 'are'} ready`;

function rolloutText({ spec, status }: Deployment, isLate: boolean): string {
  const { replicas = 1 } = spec ?? {};
  const { readyReplicas = 0, updatedReplicas = 0 } = status ?? {};
  const ready = readyText(readyReplicas, replicas);
  const updated = updatedReplicas < replicas ? `, ${updatedReplicas} of them of the newest form` : '';
  const late = isLate ? `, and nothing moved for ${spec?.progressDeadlineSeconds ?? 600} s` : '';
  return ready + updated + late;
}

const pausedFinding = (deployment: Deployment): Finding =>
  finding(deployment, 'Paused', 'its rollout is paused: changes of the template wait', {
    severity: 'warning',
    why: ['spec.paused: true'],
    fix: [remedy('Let it go on', `naru rollout resume ${argumentOf(subjectOf(deployment))}`)],
  });

const scaledToNothing = (object: KubeObject): Finding =>
  finding(object, 'ScaledToZero', 'it is scaled to 0: it shall have no pods', {
    severity: 'note',
    why: ['spec.replicas: 0'],
    fix: [remedy('Start it', `naru scale ${argumentOf(subjectOf(object))} --replicas 1`)],
  });

export async function replicaSetRules(
  set: ReplicaSet | ReplicationController,
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const { replicas = 1 } = set.spec ?? {};
  if (isDeleting(set) || replicas === 0) return [];
  const pods = await podsOf(set, inquiry);
  const alive = pods.filter((pod) => !isDeleting(pod) && pod.status?.phase !== 'Failed');
  const refused = alive.length < replicas ? await creationRefused(set, inquiry) : [];
  return notReady(set, replicas, pods, refused, inquiry);
}

async function notReady(
  owner: KubeObject,
  wanted: number,
  pods: readonly Pod[],
  refused: readonly Finding[],
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const ready = pods.filter((pod) => isReady(pod) && !isDeleting(pod)).length;
  const causes = [...refused, ...(ready >= wanted ? [] : await podCauses(broken(pods), inquiry))];
  if (causes.length === 0 && ready >= wanted) return [];
  const text = readyText(ready, wanted);
  return [
    finding(owner, 'PodsNotReady', text, {
      severity: causes.length > 0 ? 'problem' : 'warning',
      why:
        pods.length < wanted
          ? [`${counted(pods.length, 'pod')} of ${wanted} ${pods.length === 1 ? 'exists' : 'exist'}`]
          : [],
      causes,
    }),
  ];
}

export async function statefulSetRules(set: StatefulSet, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (isDeleting(set)) return [];
  const { replicas = 1, podManagementPolicy } = set.spec ?? {};
  if (replicas === 0) return [scaledToNothing(set)];
  const pods = await podsOf(set, inquiry);
  const refused = pods.length < replicas ? await creationRefused(set, inquiry) : [];
  const found = await notReady(set, replicas, pods, refused, inquiry);
  const first = broken(pods).toSorted((a, b) => ordinalOf(a) - ordinalOf(b))[0];
  const waits = podManagementPolicy !== 'Parallel' && first !== undefined && pods.length < replicas;
  if (!waits) return found;
  const name = first.metadata?.name ?? '';
  return found.map((one) => ({
    ...one,
    code: 'BlockedByPod',
    what: `${one.what}: the pods after ${name} wait until it is ready`,
    why: [...one.why, 'a StatefulSet starts its pods one after another (podManagementPolicy: OrderedReady)'],
  }));
}

const ordinalOf = ({ metadata }: Pod): number => Number(/-(\d+)$/.exec(metadata?.name ?? '')?.[1] ?? 0);

export async function daemonSetRules(set: DaemonSet, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (isDeleting(set)) return [];
  const { desiredNumberScheduled = 0 } = set.status ?? {};
  const pods = await podsOf(set, inquiry);
  const refused = pods.length < desiredNumberScheduled ? await creationRefused(set, inquiry) : [];
  if (desiredNumberScheduled === 0 && refused.length === 0) {
    return [
      finding(set, 'NoNodeMatches', 'no node takes its pods', {
        severity: 'warning',
        why: ['status.desiredNumberScheduled: 0'],
        fix: [remedy('Look at nodeSelector, affinity and tolerations of its template', 'naru get nodes --show-labels')],
      }),
    ];
  }
  return notReady(set, desiredNumberScheduled, pods, refused, inquiry);
}
