/** Pods that are over, on their way out, or lost with their node. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { nodes } from '../../client/resources.ts';
import {
  argumentOf,
  type Finding,
  finding,
  isProblem,
  type Remedy,
  remedy,
  type Severity,
  subjectOf,
} from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { containersOf, hasEnded } from './containers.ts';

interface Row {
  readonly reason: RegExp;
  readonly code: string;
  readonly what: string;
  readonly fix: readonly Remedy[];
}

const rows: readonly Row[] = [
  {
    reason: /^Evicted$/,
    code: 'Evicted',
    what: 'its node ran short of something and put it out; its workload makes another one elsewhere',
    fix: [
      remedy('Give the pods requests that fit what they use: those that use more than they ask for go first'),
      remedy('See how the nodes are', 'naru status'),
    ],
  },
  {
    reason: /^DeadlineExceeded$/,
    code: 'DeadlineExceeded',
    what: 'it ran longer than its activeDeadlineSeconds allows',
    fix: [remedy('Raise activeDeadlineSeconds, or make the work smaller')],
  },
  { reason: /^NodeLost$/, code: 'NodeLost', what: 'its node was lost', fix: [] },
  { reason: /^(Terminated|NodeShutdown|Shutdown)$/, code: 'NodeShutDown', what: 'its node was shut down', fix: [] },
  {
    reason: /^OutOf|^Insufficient/,
    code: 'NodeHadNoRoom',
    what: 'its node had no room for it any more when it came',
    fix: [remedy('Its workload makes another one; one that stands alone must be created again')],
  },
  {
    reason: /^(NodeAffinity|NodePorts|UnexpectedAdmissionError|SysctlForbidden|AppArmor|TopologyAffinityError)/,
    code: 'RefusedByNode',
    what: 'its node refused it',
    fix: [],
  },
  {
    reason: /^Preempt/,
    code: 'Preempted',
    what: 'it made room for a pod of higher priority',
    fix: [remedy('Raise its priority (priorityClassName), or let a machine join', 'naru token create')],
  },
];

export async function endings(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (pod.metadata?.deletionTimestamp !== undefined) return [];
  const { phase, reason = '', message } = pod.status ?? {};
  if (phase === 'Failed') return [await failed(pod, reason, message, inquiry)];
  if (phase === 'Succeeded') {
    const said = 'all of its containers ended with exit code 0';
    return [finding(pod, 'Completed', 'it has done its work and is over', { severity: 'note', why: [said] })];
  }
  return hasEnded(pod) ? [] : ofNode(pod, inquiry);
}

async function failed(pod: Pod, reason: string, message: string | undefined, inquiry: Inquiry): Promise<Finding> {
  const row = rows.find((one) => one.reason.test(reason));
  const disruption = pod.status?.conditions?.find(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  );
  const event = (await inquiry.events(pod)).find(({ type }) => type === 'Warning');
  const bad = containersOf(pod).filter(({ status }) => (status?.state?.terminated?.exitCode ?? 0) !== 0);
  const subject = subjectOf(pod);
  return finding(pod, row?.code ?? 'Failed', row?.what ?? 'it has failed and is not started again (restartPolicy)', {
    severity: severityOf(pod, row !== undefined, bad.length > 0),
    why: [
      `status.phase is Failed${reason === '' ? '' : `, reason ${reason}`}${message ? `: ${message}` : ''}`,
      disruption && `condition DisruptionTarget: ${disruption.reason ?? ''} ${disruption.message ?? ''}`,
      event && eventLine(event, inquiry.nowMs),
    ],
    fix: [
      ...(row?.fix ?? []),
      remedy('Remove what is left of it, when you have read its log', `naru delete ${argumentOf(subject)}`),
    ],
  });
}

/** What its containers say is told by the rule about crashes; and whoever made it has made another one, unless it is a Job. */
function severityOf({ metadata }: Pod, isKnown: boolean, hasCrashed: boolean): Severity {
  if (!isKnown && hasCrashed) return 'note';
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  return isKnown && owner !== undefined && owner.kind !== 'Job' ? 'warning' : 'problem';
}

/** A node that is silent: nobody knows how its pods are. */
async function ofNode(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  const name = pod.spec?.nodeName;
  if (!name || pod.status?.phase === 'Pending') return [];
  const node = await inquiry.look.get(nodes, { namespace: '', name });
  if (node === undefined && inquiry.look.unseen.has('nodes')) return [];
  const causes = (await inquiry.intoIfThere(node)).filter(isProblem);
  if (node !== undefined && !causes.some(({ code }) => code === 'NodeSilent' || code === 'NodeNotReady')) return [];
  return [
    finding(
      pod,
      'NodeLost',
      `its node ${name} ${node === undefined ? 'does not exist any more' : 'does not answer'}: nobody knows how the pod is`,
      {
        why: [`spec.nodeName: ${name}`],
        causes,
        fix: [
          remedy(
            'After five minutes its workload starts another one elsewhere (tolerationSeconds); a StatefulSet waits until the node is back or is removed',
          ),
          remedy('If the machine is gone for good', `naru node remove ${name} --force`),
        ],
      },
    ),
  ];
}
