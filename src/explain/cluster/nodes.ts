/** Nodes that are not well: silent agents, pressure, networks that do not run; and why nothing new comes to a node. */
import type { Node, NodeCondition } from '../../api/schema/types/core-v1.ts';
import { leases } from '../../client/resources.ts';
import { type Finding, finding, remedy } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { durationText, sinceText, timeOf } from '../words.ts';

const pressures: Readonly<Record<string, readonly [what: string, fix: string, run?: string]>> = {
  MemoryPressure: [
    'it is short of memory, takes no pods of low rank, and puts some out',
    'Stop or move what uses the memory',
    'naru top pods -A --sort-by memory',
  ],
  DiskPressure: [
    'its disk is nearly full: it takes no new pods, removes images, and puts pods out',
    'Make room on the disk: images, logs, volumes',
    'naru doctor',
  ],
  PIDPressure: [
    'it is short of process numbers, and takes no new pods',
    'Find the pod with too many processes',
    'naru top pods -A',
  ],
  NetworkUnavailable: ['its pod network does not run', 'See which part does not run', 'naru status'],
};

export async function nodeRules(node: Node, inquiry: Inquiry): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const conditions = node.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const name = node.metadata?.name ?? '';
  if (ready === undefined) {
    findings.push(
      finding(node, 'NodeSilent', 'its agent has not reported yet', {
        why: [`registered ${sinceText(node.metadata?.creationTimestamp, inquiry.nowMs)} ago`],
        fix: [remedy('On that machine: look whether naru runs', 'naru status')],
      }),
    );
  } else if (ready.status === 'Unknown') findings.push(await silent(node, ready, inquiry));
  else if (ready.status === 'False') findings.push(await notReady(node, ready, inquiry));
  for (const { type, status, message } of conditions) {
    const told = pressures[type];
    if (told === undefined || status !== 'True') continue;
    const [what, say, run] = told;
    findings.push(
      finding(node, type, what, {
        severity: type === 'NetworkUnavailable' ? 'problem' : 'warning',
        why: [`condition ${type}: ${message ?? ''}`],
        fix: [remedy(say, run)],
      }),
    );
  }
  if (node.spec?.unschedulable === true) {
    findings.push(
      finding(node, 'Cordoned', 'it is cordoned: its pods run on, new ones do not come', {
        severity: 'note',
        why: ['spec.unschedulable: true'],
        fix: [remedy('Let it take pods again', `naru node uncordon ${name}`)],
      }),
    );
  }
  return findings;
}

async function silent(node: Node, { lastHeartbeatTime, message }: NodeCondition, inquiry: Inquiry): Promise<Finding> {
  const name = node.metadata?.name ?? '';
  const lease = await inquiry.look.get(leases, { namespace: 'kube-node-lease', name });
  const last = Math.max(timeOf(lease?.spec?.renewTime) ?? 0, timeOf(lastHeartbeatTime) ?? 0);
  const since = last === 0 ? '' : ` for ${durationText(inquiry.nowMs - last)}`;
  return finding(
    node,
    'NodeSilent',
    `its agent has not answered${since}: the machine is off, cut off, or naru does not run there`,
    {
      why: [
        `condition Ready is Unknown: ${message ?? ''}`,
        lease === undefined
          ? undefined
          : `its lease was renewed ${durationText(inquiry.nowMs - (timeOf(lease.spec?.renewTime) ?? 0))} ago`,
      ],
      fix: [
        remedy(
          'On that machine: look whether it is on and reaches the server, and start naru again there',
          'naru join',
        ),
        remedy('If it is gone for good: its pods are started elsewhere at once', `naru node remove ${name} --force`),
      ],
    },
  );
}

async function notReady(
  node: Node,
  { reason, message = '', lastTransitionTime }: NodeCondition,
  inquiry: Inquiry,
): Promise<Finding> {
  const events = (await inquiry.events(node)).filter(({ type }) => type === 'Warning');
  return finding(node, 'NodeNotReady', `its agent says that it cannot run pods: ${message.slice(0, 300)}`, {
    why: [
      `condition Ready is False (${reason ?? ''}) for ${sinceText(lastTransitionTime, inquiry.nowMs) ?? 'a while'}`,
      ...events.slice(0, 3).map((event) => eventLine(event, inquiry.nowMs)),
    ],
    fix: [remedy('On that machine: see what is amiss with it', 'naru doctor')],
  });
}
