/** Kinds without rules of their own: what their conditions, their phase and their last warnings say. */
import type { KubeObject } from '../api/object.ts';
import type { Condition } from '../api/schema/types/meta-v1.ts';
import { customResourceDefinitions } from '../client/resources.ts';
import { healthOf } from '../deploy/health.ts';
import { findKeeper } from './deletion/keeper.ts';
import { argumentOf, type Finding, finding, remedy, subjectOf } from './finding.ts';
import { eventLine, type Inquiry } from './inquiry.ts';

type WithStatus = KubeObject & {
  readonly status?: {
    readonly conditions?: unknown;
    readonly phase?: unknown;
    readonly observedGeneration?: unknown;
    readonly message?: unknown;
  };
};

/** Conditions that are good when True, as custom kinds use them. */
const good =
  /^(Ready|Available|Healthy|Synced|Reconciled|Succeeded|Accepted|Programmed|Established|Progressing|Initialized|Installed|Complete)$/;
/** Conditions that are bad when True. */
const evil = /^(Failed|Failure|Degraded|Error|Stalled|ReplicaFailure|Conflicted|Errored)$/;
const badPhase = /^(Failed|Error|Errored|Degraded|CrashLoop|Unhealthy|Unknown)$/i;

export async function customRules(object: KubeObject, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (object.metadata?.deletionTimestamp !== undefined) return [];
  const { status } = object as WithStatus;
  const events = (await inquiry.events(object)).filter(({ type }) => type === 'Warning');
  const lines = events.slice(0, 3).map((event) => eventLine(event, inquiry.nowMs));
  const conditions = Array.isArray(status?.conditions) ? (status.conditions as readonly Partial<Condition>[]) : [];
  const bad = conditions.filter(
    ({ type = '', status: holds }) => (good.test(type) && holds === 'False') || (evil.test(type) && holds === 'True'),
  );
  const findings = bad.map(({ type = '', status: holds = '', reason = '', message = '' }) =>
    finding(object, reason || type, (message || `${type} is ${holds}`).slice(0, 400), {
      why: [`condition ${type} is ${holds} (${reason})`, ...lines],
      fix: [remedy('Its controller says so; correct what it names', `naru edit ${argumentOf(subjectOf(object))}`)],
    }),
  );
  if (bad.length === 0 && typeof status?.phase === 'string' && badPhase.test(status.phase)) {
    const said = typeof status.message === 'string' ? `: ${status.message.slice(0, 300)}` : '';
    findings.push(finding(object, status.phase, `its phase is ${status.phase}${said}`, { why: lines }));
  }
  if (findings.length > 0) return findings;
  const ignored = await unattended(object, inquiry);
  if (ignored !== undefined) return [ignored];
  const health = healthOf(object);
  if (health.state === 'failing') return [finding(object, 'Failing', health.message, { why: lines })];
  return events.slice(0, 1).map((event) =>
    finding(object, event.reason ?? 'Warning', (event.message ?? '').slice(0, 300), {
      severity: 'warning',
      why: lines,
    }),
  );
}

/** An object of a custom kind that nobody has ever looked at: its controller is missing or does not run. */
async function unattended(object: WithStatus, inquiry: Inquiry): Promise<Finding | undefined> {
  const group = object.apiVersion?.split('/', 1)[0] ?? '';
  const { generation = 0 } = object.metadata ?? {};
  const observed = object.status?.observedGeneration;
  const isBehind = typeof observed === 'number' && observed < generation;
  const definitions = await inquiry.look.list(customResourceDefinitions);
  const definition = definitions.find(({ spec }) => spec?.group === group && spec.names.kind === object.kind);
  const hasStatus = definition?.spec?.versions.some(({ subresources }) => subresources?.status !== undefined) ?? false;
  if (!isBehind && (object.status !== undefined || !hasStatus)) return undefined;
  const keeper = await findKeeper(object, group, inquiry);
  const subject = keeper && subjectOf(keeper.workload);
  if (keeper?.isRunning === true && !isBehind) return undefined;
  const who =
    subject === undefined
      ? 'no workload of this cluster looks like its controller'
      : `its controller seems to be ${subject.kind} ${subject.namespace}/${subject.name}, which ${keeper?.isRunning === true ? 'runs' : 'does not run'}`;
  return finding(
    object,
    'Unattended',
    isBehind
      ? 'its last change has not been taken up by its controller'
      : 'no controller has taken it up: it has no status',
    {
      severity: 'warning',
      why: [
        isBehind ? `status.observedGeneration ${observed}, metadata.generation ${generation}` : 'status is empty',
        who,
      ],
      causes: keeper === undefined || keeper.isRunning ? [] : await inquiry.into(keeper.workload),
      fix: [
        subject === undefined
          ? remedy('Install the operator that serves this kind')
          : remedy('Look at it', `naru why ${argumentOf(subject)}`),
      ],
    },
  );
}
