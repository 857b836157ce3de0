/** Pods that nobody may schedule yet: their gates, and for the gate of dependencies what it waits for. */
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { daemonSets, deployments, jobs, statefulSets } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { listed } from '../words.ts';

/** Set by `depends_on` of Compose files, or by hand; `controllers/dependency-gate/` takes it away. */
const dependencyGate = 'naru.io/depends-on';

interface Dependency {
  readonly service: string;
  readonly condition: string;
}

export async function gateFindings(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  const names = (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
  const findings: Finding[] = [];
  if (names.includes(dependencyGate)) findings.push(await dependencies(pod, inquiry));
  const others = names.filter((name) => name !== dependencyGate);
  if (others.length === 0) return findings;
  const text = listed(others.map((name) => `"${name}"`));
  return [
    ...findings,
    finding(
      pod,
      'SchedulingGated',
      `it is held back by the scheduling ${others.length === 1 ? 'gate' : 'gates'} ${text}`,
      {
        why: ['spec.schedulingGates names what must be taken away before the scheduler looks at the pod'],
        fix: [
          remedy(
            `Whoever set ${others.length === 1 ? 'it' : 'them'} takes ${others.length === 1 ? 'it' : 'them'} away: look whether that controller runs`,
            'naru get pods -A',
          ),
          remedy(
            'By hand, when nobody will: delete the gate from spec.schedulingGates',
            `naru edit ${argumentOf(subjectOf(pod))}`,
          ),
        ],
      },
    ),
  ];
}

async function dependencies(pod: Pod, inquiry: Inquiry): Promise<Finding> {
  const wanted = dependenciesOf(pod);
  const causes: Finding[] = [];
  for (const { service } of wanted) causes.push(...(await ofDependency(pod, service, inquiry)));
  const text = listed(wanted.map(({ service, condition }) => `${service} (${conditionText(condition)})`));
  return finding(
    pod,
    'WaitsForDependency',
    text === '' ? 'it waits for what it depends on' : `it waits until others are up: ${text}`,
    {
      why: [`scheduling gate ${dependencyGate}; the annotation of the same name says what for`],
      fix:
        causes.length > 0
          ? []
          : [remedy('It starts by itself when they are; watch them', `naru get pods -n ${pod.metadata?.namespace} -w`)],
      causes,
    },
  );
}

const conditions: Readonly<Record<string, string>> = {
  service_started: 'started',
  service_healthy: 'healthy',
  service_completed_successfully: 'done',
};

const conditionText = (condition: string): string => conditions[condition] ?? condition;

async function ofDependency(pod: Pod, name: string, inquiry: Inquiry): Promise<readonly Finding[]> {
  const namespace = pod.metadata?.namespace ?? '';
  for (const resource of [deployments, statefulSets, jobs, daemonSets]) {
    const found: KubeObject | undefined = await inquiry.look.get<KubeObject>(resource, { namespace, name });
    if (found !== undefined) return (await inquiry.into(found)).filter(({ severity }) => severity === 'problem');
  }
  const subject = { kind: 'Deployment', namespace, name };
  return [
    finding(subject, 'DependencyMissing', `there is no workload "${name}" in namespace ${namespace}`, {
      fix: [remedy('Create it, or take it out of the annotation naru.io/depends-on of the pod’s template')],
    }),
  ];
}

function dependenciesOf({ metadata }: Pod): readonly Dependency[] {
  try {
    const read: unknown = JSON.parse(metadata?.annotations?.[dependencyGate] ?? '[]');
    if (!Array.isArray(read)) return [];
    return (read as Partial<Dependency>[]).flatMap(({ service, condition = 'service_started' }) =>
      typeof service === 'string' ? [{ service, condition }] : [],
    );
  } catch {
    return [];
  }
}
