/**
 * From an object to the reasons why it does not do its work, and from a namespace or a cluster to all that is unhealthy in it. Pure but for the `Look`.
 * `naru why`, `naru status` and `naru up` ask here.
 */
import type { KubeObject } from '../api/object.ts';
import type { Resource } from '../client/client.ts';
import { endpointSlices } from '../client/resources.ts';
import { type Health, healthOf } from '../deploy/health.ts';
import { type Finding, isProblem, merged, type Subject, subjectOf } from './finding.ts';
import { Inquiry } from './inquiry.ts';
import type { Look } from './look.ts';
import { ruleTable, watchedInCluster, watchedInNamespace } from './rules.ts';

export interface Explanation {
  readonly subject: Subject;
  readonly health: Health;
  /** The worst first; empty: nothing is wrong that these rules know. */
  readonly findings: readonly Finding[];
}

export const newInquiry = (look: Look): Inquiry => new Inquiry(look, ruleTable);

export async function explain(object: KubeObject, inquiry: Inquiry): Promise<Explanation> {
  return {
    subject: subjectOf(object),
    health: await healthWithin(object, inquiry),
    findings: await inquiry.into(object),
  };
}

/** A Service is as well as its endpoints, which are objects of their own. */
async function healthWithin(object: KubeObject, { look }: Inquiry): Promise<Health> {
  if (object.kind !== 'Service') return healthOf(object);
  const { name, namespace = '' } = object.metadata ?? {};
  const own = (await look.list(endpointSlices, namespace)).filter(
    ({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name,
  );
  return healthOf(object, { endpointSlices: own });
}

export interface Survey {
  readonly explanations: readonly Explanation[];
  /** How many objects were looked at. */
  readonly count: number;
}

/** All that is a problem (with `warnings`, also what will be one) in one namespace, or in the whole cluster. */
export async function explainAll(inquiry: Inquiry, namespace?: string, { warnings = false } = {}): Promise<Survey> {
  const told = new Set<string>();
  const explanations: Explanation[] = [];
  let count = 0;
  const kinds: readonly Resource<KubeObject>[] = [
    ...(namespace === undefined ? watchedInCluster : []),
    ...watchedInNamespace,
  ];
  for (const resource of kinds) {
    for (const object of await inquiry.look.list(resource, resource.namespaced ? namespace : undefined)) {
      count++;
      const found = (await inquiry.into(object)).filter(
        (one) => isProblem(one) || (warnings && one.severity === 'warning'),
      );
      const fresh = found.filter((one) => !isTold(one, told));
      for (const one of fresh) remember(one, told);
      if (fresh.length === 0) continue;
      explanations.push({ subject: subjectOf(object), health: healthOf(object), findings: merged(fresh) });
    }
  }
  return { explanations, count };
}

/** As `keyOf`, where one finding speaks of several objects alike. */
const groupKeyOf = ({ subject, code, what }: Finding): string =>
  JSON.stringify([subject.kind, subject.namespace, '*', code, what]);

const keyOf = ({ subject, code, what }: Finding): string =>
  JSON.stringify([subject.kind, subject.namespace, subject.name, code, what]);

/** What was told as the cause of something, or of its owner, is not told again. */
function isTold(one: Finding, told: ReadonlySet<string>): boolean {
  if (told.has(keyOf(one)) || told.has(groupKeyOf(one))) return true;
  const causes = one.causes.filter(isProblem);
  return (
    causes.length > 0 &&
    causes.every((cause) => isTold(cause, told)) &&
    one.subject.kind !== 'Ingress' &&
    one.subject.kind !== 'Service'
  );
}

function remember(one: Finding, told: Set<string>): void {
  told.add(keyOf(one));
  if (one.others > 0) told.add(groupKeyOf(one));
  for (const cause of one.causes) remember(cause, told);
}
