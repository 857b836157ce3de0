/** Containers that were given a node and do not start: configuration that is missing, volumes, the pod's network, a command that cannot be run. */
import type { ContainerStateWaiting, Event, Pod } from '../../api/schema/types/core-v1.ts';
import { nodes, persistentVolumeClaims } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { sinceText, timeOf } from '../words.ts';
import { commandFinding } from './command.ts';
import { containersOf, containerText, type SeenContainer } from './containers.ts';
import { type MissingReference, missingReferences } from './references.ts';

/** Longer than this is no usual start. */
const startMsMax = 30_000;

export async function starting(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (!pod.spec?.nodeName || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return [];
  if (pod.metadata?.deletionTimestamp !== undefined) return [];
  const findings: Finding[] = [];
  for (const seen of containersOf(pod)) {
    const waiting = seen.status?.state?.waiting;
    if (waiting === undefined) continue;
    findings.push(...(await ofWaiting(pod, seen, waiting, inquiry)));
  }
  if (findings.length === 0 && waitsForNode(pod)) findings.push(...(await notBegun(pod, inquiry)));
  return findings;
}

const notBegunYet: ReadonlySet<string | undefined> = new Set(['ContainerCreating', 'PodInitializing', undefined]);

/** The next container in its order has not been tried yet. */
function waitsForNode(pod: Pod): boolean {
  const next = containersOf(pod).find(({ status, role }) => role !== 'init' || status?.state?.terminated === undefined);
  const { running, terminated, waiting } = next?.status?.state ?? {};
  return running === undefined && terminated === undefined && notBegunYet.has(waiting?.reason);
}

async function ofWaiting(
  pod: Pod,
  seen: SeenContainer,
  { reason = '', message = '' }: ContainerStateWaiting,
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const says = `${containerText(seen)} waits: ${reason}: ${message.slice(0, 500)}`;
  if (reason === 'CreateContainerConfigError') {
    const missing = await missingReferences(pod, inquiry);
    if (missing.length > 0) return missing.map((one) => ofMissing(pod, one, [says]));
    return [
      finding(
        pod,
        'ConfigurationWrong',
        `${containerText(seen)} cannot be made from what the pod says: ${message.slice(0, 300)}`,
        {
          why: [says],
          fix: [remedy("Correct it in the workload's template; the pod tries again by itself")],
        },
      ),
    ];
  }
  if (['RunContainerError', 'CreateContainerError', 'StartError'].includes(reason)) {
    return [commandFinding(pod, seen, message, [says])];
  }
  if (reason === 'PostStartHookError') {
    return [
      finding(pod, 'PostStartHookFailed', `the postStart hook of ${containerText(seen)} fails`, {
        why: [says],
        fix: [
          remedy(
            'Correct lifecycle.postStart of the container; what it wrote',
            `naru logs ${argumentOf(subjectOf(pod))} -c ${seen.container.name} --previous`,
          ),
        ],
      }),
    ];
  }
  return [];
}

function ofMissing(
  pod: Pod,
  { kind, name, key, place, text, objectIsMissing }: MissingReference,
  why: readonly string[],
): Finding {
  const subject = { kind, name, namespace: pod.metadata?.namespace ?? '' };
  const create = kind === 'Secret' ? 'Secret' : 'ConfigMap';
  return finding(subject, objectIsMissing ? `${kind}Missing` : `${kind}KeyMissing`, text, {
    why: [`${place} names ${key === undefined ? 'it' : `its key "${key}"`}`, ...why],
    fix: [
      objectIsMissing
        ? remedy(
            `Create the ${create}, or correct the name in the template; these are there`,
            `naru get ${kind.toLowerCase()}s -n ${subject.namespace}`,
          )
        : remedy(
            'Add the key, or correct its name in the template; this is there',
            `naru describe ${argumentOf(subject)}`,
          ),
      remedy('If the pod can do without it: optional: true. The pod tries again by itself'),
    ],
  });
}

async function notBegun(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  const missing = await missingReferences(pod, inquiry);
  const events = (await inquiry.events(pod)).filter(({ type }) => type === 'Warning');
  const why = events.slice(0, 3).map((event) => eventLine(event, inquiry.nowMs));
  if (missing.length > 0) return missing.map((one) => ofMissing(pod, one, why));
  const node = await inquiry.look.get(nodes, { namespace: '', name: pod.spec?.nodeName ?? '' });
  const ofNode = (await inquiry.intoIfThere(node)).filter(isProblem);
  if (node === undefined || ofNode.length > 0) {
    const name = pod.spec?.nodeName ?? '';
    return [
      finding(
        pod,
        'NodeNotThere',
        `its node ${name} ${node === undefined ? 'does not exist any more' : 'does not work'}`,
        { why, causes: ofNode },
      ),
    ];
  }
  const [event] = events;
  if (event !== undefined) return [await ofEvent(pod, event, why, inquiry)];
  const startedMs = timeOf(pod.status?.startTime ?? pod.metadata?.creationTimestamp) ?? inquiry.nowMs;
  if (inquiry.nowMs - startedMs < startMsMax) return [];
  return [
    finding(
      pod,
      'SlowStart',
      `its node has been preparing it for ${sinceText(pod.status?.startTime ?? pod.metadata?.creationTimestamp, inquiry.nowMs)}`,
      {
        severity: 'warning',
        why: ['no container has started, and the node reported no failure: an image may be large, or a volume slow'],
        fix: [remedy('See what the node told of it', `naru describe ${argumentOf(subjectOf(pod))}`)],
      },
    ),
  ];
}

const topics: readonly {
  readonly reason: RegExp;
  readonly code: string;
  readonly what: string;
  readonly say: string;
  readonly run?: string;
}[] = [
  {
    reason: /FailedMount|FailedAttachVolume|FailedMapVolume/,
    code: 'VolumeNotMounted',
    what: 'a volume of it cannot be mounted on its node',
    say: 'Look at the claims it uses, and whether the folder or the driver is there on the node',
    run: 'naru get pvc,pv',
  },
  {
    reason: /FailedCreatePodSandBox|NetworkNotReady/,
    code: 'PodNetworkFailed',
    what: 'its node cannot make the network for it',
    say: 'See which part of the network does not run on the node',
    run: 'naru status',
  },
];

async function ofEvent(pod: Pod, event: Event, why: readonly string[], inquiry: Inquiry): Promise<Finding> {
  const topic = topics.find(({ reason }) => reason.test(event.reason ?? ''));
  const causes: Finding[] = [];
  for (const { persistentVolumeClaim } of pod.spec?.volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const name = persistentVolumeClaim.claimName;
    const claim = await inquiry.look.get(persistentVolumeClaims, { namespace: pod.metadata?.namespace ?? '', name });
    causes.push(...(await inquiry.intoIfThere(claim)).filter(isProblem));
  }
  const what = topic?.what ?? `its node cannot start it: ${(event.message ?? '').slice(0, 300)}`;
  return finding(pod, topic?.code ?? 'StartFailed', what, {
    why,
    causes,
    fix: [
      topic === undefined
        ? remedy('The node tries again by itself; what it says is in the events')
        : remedy(topic.say, topic.run),
    ],
  });
}
