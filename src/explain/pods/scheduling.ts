/** Why a pod has no node: gates, claims, and for each node what stands in the way. The scheduler's verdict is in the condition PodScheduled. */
import type { Node, Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import { nodes, persistentVolumeClaims, pods } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, remedy, shortName, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { labelsText, listed, sinceText, timeOf } from '../words.ts';
import { gateFindings } from './gates.ts';
import { fitOn, isStateTaint, type NodeFit } from './node-fit.ts';
import { workloadOf } from './owner.ts';
import { schedulerWords } from './scheduler-words.ts';

const scheduler = 'default-scheduler';
/** Younger pods are on their way. */
const youngMs = 5_000;

export async function scheduling(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  const waits = pod.status?.phase === undefined || pod.status.phase === 'Pending';
  if (!waits || pod.spec?.nodeName || pod.metadata?.deletionTimestamp !== undefined) return [];
  if ((pod.spec?.schedulingGates ?? []).length > 0) return gateFindings(pod, inquiry);
  const verdict = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (verdict?.status === 'False') return [await unschedulable(pod, verdict, inquiry)];
  const ageMs = inquiry.nowMs - (timeOf(pod.metadata?.creationTimestamp) ?? inquiry.nowMs);
  return ageMs < youngMs ? [] : [notLookedAt(pod, inquiry)];
}

function notLookedAt(pod: Pod, { nowMs }: Inquiry): Finding {
  const name = pod.spec?.schedulerName ?? scheduler;
  const since = `created ${sinceText(pod.metadata?.creationTimestamp, nowMs)} ago, and no scheduler has said anything about it`;
  if (name !== scheduler) {
    return finding(pod, 'SchedulerMissing', `it waits for the scheduler "${name}", which does not answer`, {
      why: [`spec.schedulerName: ${name}`, since],
      fix: [
        remedy(`Start that scheduler, or leave schedulerName out of the pod's template: ${scheduler} takes it then`),
      ],
    });
  }
  return finding(pod, 'NotScheduledYet', 'the scheduler has not looked at it yet', {
    why: [since],
    fix: [remedy('Look whether the cluster works as a whole', 'naru doctor')],
  });
}

async function unschedulable(pod: Pod, { message = '' }: PodCondition, inquiry: Inquiry): Promise<Finding> {
  const seen = [`condition PodScheduled is False: ${message.slice(0, 600)}`];
  const event = (await inquiry.events(pod)).find(({ reason }) => reason === 'FailedScheduling');
  if (event !== undefined && event.message !== message) seen.push(eventLine(event, inquiry.nowMs));
  const claims = await claimCauses(pod, inquiry);
  if (claims.length > 0) {
    return finding(pod, 'VolumeNotReady', 'no node can be chosen before its volumes are there', {
      why: seen,
      causes: claims,
    });
  }
  const all = await inquiry.look.list(nodes);
  if (all.length === 0) return noNodes(pod, seen);
  const everyPod = await inquiry.look.list(pods);
  const fits = all.map((node) => fitOn(pod, node, everyPod));
  const why = [...seen, ...shown(fits)];
  return (await ofFits(pod, fits, why, inquiry)) ?? schedulerWords(pod, message, why);
}

const noNodes = (pod: Pod, why: readonly string[]): Finding =>
  finding(pod, 'NoNodes', 'this cluster has no node', {
    why,
    fix: [
      remedy('Make this machine a node', 'naru up'),
      remedy('Let another machine join: this prints what to run there', 'naru token create'),
    ],
  });

const linesMax = 8;

function shown(fits: readonly NodeFit[]): string[] {
  const lines = fits.filter(({ hindrance }) => hindrance !== undefined).map(({ text }) => `node ${text}`);
  return lines.length > linesMax ? [...lines.slice(0, linesMax), `and ${lines.length - linesMax} nodes more`] : lines;
}

/** What stands in the way, asked in the order in which a person would mend it. */
async function ofFits(
  pod: Pod,
  fits: readonly NodeFit[],
  why: readonly string[],
  inquiry: Inquiry,
): Promise<Finding | undefined> {
  const labelled = fits.filter(({ hindrance }) => hindrance !== 'selector');
  if (labelled.length === 0)
    return noSuchNode(
      pod,
      fits.map(({ node }) => node),
      why,
    );
  const open = labelled.filter(({ hindrance }) => hindrance !== 'taint');
  if (open.length === 0) return tainted(pod, labelled, why, inquiry);
  const roomy = open.filter(({ hindrance }) => hindrance !== 'resources');
  if (roomy.length === 0) return noRoom(pod, open, open.length < fits.length, why, inquiry);
  const free = roomy.filter(({ hindrance }) => hindrance !== 'ports');
  if (free.length > 0) return undefined;
  return finding(pod, 'HostPortTaken', `the port of the machine that it wants is taken on ${places(roomy)}`, {
    why,
    fix: [
      remedy(
        'Leave hostPort out of the pod and let users in by a Service or an Ingress, or stop the pod that has the port',
      ),
    ],
  });
}

function places(fits: readonly NodeFit[]): string {
  const names = fits.map(({ node }) => node.metadata?.name ?? '');
  return names.length === 1
    ? `node ${names[0]}`
    : names.length > 4
      ? `all ${names.length} nodes`
      : `nodes ${listed(names)}`;
}

function noSuchNode(pod: Pod, all: readonly Node[], why: readonly string[]): Finding {
  const { nodeSelector = {}, affinity } = pod.spec ?? {};
  const alone = Object.entries(nodeSelector).filter(
    ([key, value]) => !all.some(({ metadata }) => metadata?.labels?.[key] === value),
  );
  const asked = labelsText(nodeSelector);
  const has = alone.map(([key]) => {
    const values = [
      ...new Set(all.map(({ metadata }) => metadata?.labels?.[key]).filter((value) => value !== undefined)),
    ];
    return values.length === 0 ? `no node has the label ${key}` : `the label ${key} is ${listed(values)} on the nodes`;
  });
  const what =
    asked === ''
      ? 'no node has the labels that its node affinity requires'
      : `no node has the labels ${asked} that its nodeSelector asks for`;
  const first = all[0]?.metadata?.name ?? 'NODE';
  return finding(pod, 'NoNodeMatches', what, {
    why: [
      ...(asked === '' ? [] : [`spec.nodeSelector: ${asked}`]),
      ...(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution === undefined
        ? []
        : ['spec.affinity.nodeAffinity requires labels, too']),
      ...has,
      ...why,
    ],
    fix: [
      asked === ''
        ? undefined
        : remedy('Give a node the labels', `naru label node/${first} ${asked.replaceAll(',', ' ')}`),
      remedy("Or take nodeSelector and node affinity out of the workload's template"),
    ],
  });
}

async function tainted(pod: Pod, fits: readonly NodeFit[], why: readonly string[], inquiry: Inquiry): Promise<Finding> {
  const ofState = fits.filter(({ taint }) => taint !== undefined && isStateTaint(taint));
  const causes = await inquiry.intoAll(ofState.slice(0, 5).map(({ node }) => node));
  const cordoned = fits.filter(({ taint }) => taint?.key === 'node.kubernetes.io/unschedulable');
  const foreign = fits.map(({ taint }) => taint).find((taint) => taint !== undefined && !isStateTaint(taint));
  const what =
    ofState.length === fits.length
      ? `no node takes it: ${listed(
          fits.map(({ text }) => text),
          4,
        )}`
      : `it does not tolerate the taints of ${places(fits)}`;
  return finding(pod, ofState.length === fits.length ? 'NodesUnavailable' : 'TaintNotTolerated', what, {
    why,
    causes: causes.filter(({ severity }) => severity === 'problem'),
    fix: [
      ...cordoned
        .slice(0, 1)
        .map(({ node }) => remedy('Let the node take pods again', `naru node uncordon ${node.metadata?.name}`)),
      foreign && remedy(`Add a toleration for ${foreign.key} to the pod's template, or take the taint from the node`),
    ],
  });
}

async function noRoom(
  pod: Pod,
  fits: readonly NodeFit[],
  someUnfit: boolean,
  why: readonly string[],
  inquiry: Inquiry,
): Promise<Finding> {
  const resources = [...new Set(fits.flatMap(({ short = [] }) => short.map(({ resource }) => resource)))];
  const everEnough = fits.some(({ short = [] }) => short.every(({ asked, whole }) => asked <= whole));
  const where = someUnfit ? `none of the nodes that it may use has` : 'no node has';
  const first = fits[0]?.text ?? '';
  const what =
    fits.length === 1 ? `there is no room for it: ${first}` : `${where} enough ${listed(resources)} free for it`;
  const workload = await workloadOf(pod, inquiry);
  return finding(pod, 'NoRoom', what, {
    why,
    fix: [
      everEnough
        ? remedy('See who holds what, and scale something else down', 'naru get pods -A -o wide')
        : remedy(
            `It would not even fit on an empty node: ask for less (resources.requests in the template of ${shortName(workload)})`,
          ),
      everEnough ? remedy(`Or ask for less: resources.requests in the template of ${shortName(workload)}`) : undefined,
      remedy('Or let another machine join: this prints what to run there', 'naru token create'),
    ],
  });
}

/** Claims that are missing or not bound; those that wait for a pod's node wait for this one, and are not the cause. */
async function claimCauses(pod: Pod, inquiry: Inquiry): Promise<Finding[]> {
  const findings: Finding[] = [];
  const namespace = pod.metadata?.namespace ?? '';
  for (const { name: volume, persistentVolumeClaim: reference, ephemeral } of pod.spec?.volumes ?? []) {
    const name = reference?.claimName ?? (ephemeral && `${pod.metadata?.name}-${volume}`);
    if (name === undefined) continue;
    const claim = await inquiry.look.get(persistentVolumeClaims, { namespace, name });
    if (claim === undefined) findings.push(missingClaim(pod, name));
    else findings.push(...(await inquiry.into(claim)).filter(({ severity }) => severity === 'problem'));
  }
  return findings;
}

function missingClaim(pod: Pod, name: string): Finding {
  const namespace = pod.metadata?.namespace ?? '';
  const subject = { kind: 'PersistentVolumeClaim', namespace, name };
  return finding(subject, 'ClaimMissing', `there is no PersistentVolumeClaim "${name}" in namespace ${namespace}`, {
    why: [`spec.volumes of the pod names it`],
    fix: [
      remedy('Create it, or correct the name; these are there', `naru get pvc -n ${namespace}`),
      remedy('The pod goes on by itself as soon as it exists', `naru why ${argumentOf(subjectOf(pod))}`),
    ],
  });
}
