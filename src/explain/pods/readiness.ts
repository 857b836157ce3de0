/** Pods that run and get no traffic: which container is not ready, what its probe says, and which gates are not open. */
import type { Event, Pod } from '../../api/schema/types/core-v1.ts';
import { argumentOf, type Finding, finding, type Remedy, remedy, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { listed } from '../words.ts';
import { containersOf, containerText, isReady, type SeenContainer } from './containers.ts';
import { probeText } from './probe-words.ts';

export async function readiness(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (pod.status?.phase !== 'Running' || isReady(pod) || pod.metadata?.deletionTimestamp !== undefined) return [];
  const events = await inquiry.events(pod);
  const findings = containersOf(pod)
    .filter(({ status, role }) => role !== 'init' && status?.state?.running !== undefined && !status.ready)
    .map((seen) => ofContainer(pod, seen, events, inquiry.nowMs));
  return [...findings, ...gates(pod)];
}

function ofContainer(pod: Pod, seen: SeenContainer, events: readonly Event[], nowMs: number): Finding {
  const { container, status } = seen;
  const starts = status?.started === false && container.startupProbe !== undefined;
  const probe = starts ? container.startupProbe : container.readinessProbe;
  const title = starts ? 'startup' : 'readiness';
  if (probe === undefined) {
    return finding(pod, 'NotReadyYet', `${containerText(seen)} has just started`, {
      severity: 'warning',
      why: ['it has no readiness probe, so it counts as ready soon'],
      fix: [],
    });
  }
  const failure = events.find(
    ({ reason, message = '' }) => reason === 'Unhealthy' && message.toLowerCase().startsWith(`${title} probe`),
  );
  const said = failure?.message ?? '';
  return finding(
    pod,
    starts ? 'StartupProbeFails' : 'ReadinessProbeFails',
    `${containerText(seen)} runs, but its ${title} probe (${probeText(probe)}) ${failure === undefined ? 'has not succeeded yet' : `fails: ${reasonOf(said)}`}`,
    {
      // It may just have started.
      severity: failure === undefined ? 'warning' : 'problem',
      why: [failure && eventLine(failure, nowMs), 'a pod that is not Ready gets no traffic from its Services'],
      fix: [
        ...fixOf(said),
        remedy('Read what it writes', `naru logs ${argumentOf(subjectOf(pod))} -c ${container.name} --tail 50`),
      ],
    },
  );
}

const rows: readonly { readonly pattern: RegExp; readonly what: string; readonly say: string }[] = [
  {
    pattern: /connection refused/i,
    what: 'nobody listens on that port',
    say: 'Let the program listen on that port and on all addresses (0.0.0.0), or correct the port of the probe',
  },
  {
    pattern: /statuscode: (\d+)|status code:? (\d+)/i,
    what: 'the program answers with an error',
    say: 'Look why the program says so of itself: often something that it needs (a database, another service) is not there',
  },
  {
    pattern: /timeout|deadline exceeded/i,
    what: 'the answer takes too long',
    say: 'Raise timeoutSeconds of the probe, or let the path answer faster',
  },
  {
    pattern: /no route to host|host is unreachable/i,
    what: 'the pod cannot be reached',
    say: "See whether the node's network works: naru status",
  },
];

function reasonOf(message: string): string {
  const row = rows.find(({ pattern }) => pattern.test(message));
  const code = /status ?code:? ?(\d+)/i.exec(message)?.[1];
  if (row === undefined) return message.replace(/^\w+ probe (failed|errored)[^:]*: ?/i, '').slice(0, 200);
  return code === undefined ? row.what : `${row.what} (${code})`;
}

function fixOf(message: string): readonly Remedy[] {
  const row = rows.find(({ pattern }) => pattern.test(message));
  return row === undefined ? [remedy('Look at what the probe asks, and whether that is right')] : [remedy(row.say)];
}

function gates(pod: Pod): readonly Finding[] {
  const { conditions = [] } = pod.status ?? {};
  const closed = (pod.spec?.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((type) => !conditions.some((one) => one.type === type && one.status === 'True'));
  if (closed.length === 0) return [];
  const said = conditions.filter(({ type }) => closed.includes(type));
  return [
    finding(
      pod,
      'ReadinessGateClosed',
      `it waits for ${listed(closed)} (readiness gates), which somebody else must set to True`,
      {
        why: [
          ...said.map(({ type, status, message }) => `condition ${type} is ${status}${message ? `: ${message}` : ''}`),
          ...closed
            .filter((type) => !said.some((one) => one.type === type))
            .map((type) => `nobody has set the condition ${type}`),
        ],
        fix: [
          remedy('Look whether the controller that sets it runs (a load balancer’s, a mesh’s)', 'naru get pods -A'),
        ],
      },
    ),
  ];
}
