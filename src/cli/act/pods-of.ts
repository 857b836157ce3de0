/**
 * From what people name (`web-1`, `deploy/web`, `svc/web`, `cronjob/nightly`) to the pods behind it, and from a pod to the container that is
 * meant. A workload or Service that names a selector has pods, custom ones too.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher, matchLabels } from '../../api/selector.ts';
import { jobs, pods } from '../../client/resources.ts';
import type { Connection } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { oneTarget, type Target, targetName } from '../cluster/targets.ts';
import { UserError } from '../user-error.ts';

/** Which pods are meant: one by its name, or those that a selector matches, now and later. */
export type PodChoice =
  | { readonly kind: 'pod'; readonly name: string }
  | { readonly kind: 'selector'; readonly selector: string; readonly owner?: PodOwner };

export interface PodOwner {
  readonly target: Target;
  readonly object: KubeObject;
}

/** `word` is a pod's name, or TYPE/NAME. @throws UserError, StatusError */
export async function choosePods(connection: Connection, word: string): Promise<PodChoice> {
  if (!word.includes('/')) return { kind: 'pod', name: word };
  const [type = '', name = ''] = word.split('/');
  // The usual case needs no look at what the cluster serves.
  if (['pod', 'pods', 'po'].includes(type) && name !== '') return { kind: 'pod', name };
  const target = await oneTarget(connection, new ResourceFinder(connection.client), word, 'pod');
  if (target.resource.resource === 'pods' && target.resource.group === '') return { kind: 'pod', name: target.name };
  const object = await connection.client.get<KubeObject>(target.resource, target);
  const selector = object.kind === 'CronJob' ? await latestJobSelector(connection, object) : selectorOf(object);
  if (selector === undefined) throw new UserError(`${targetName(target)} selects no pods; name one of: naru get pods`);
  return { kind: 'selector', selector, owner: { target, object } };
}

/** The selector's text, of whatever kind has one; undefined where it selects nothing. */
export function selectorOf(object: KubeObject): string | undefined {
  const { selector } = (object as { readonly spec?: { readonly selector?: unknown } }).spec ?? {};
  if (typeof selector !== 'object' || selector === null) return undefined;
  const matcher =
    'matchLabels' in selector || 'matchExpressions' in selector
      ? labelMatcher(selector as LabelSelector)
      : matchLabels(selector as Readonly<Record<string, string>>);
  return matcher.kind === 'requirements' ? matcher.toString() : undefined;
}

async function latestJobSelector({ client }: Connection, cronJob: KubeObject): Promise<string | undefined> {
  const { items } = await client.list(jobs, { namespace: cronJob.metadata?.namespace ?? '' });
  const own = items.filter(({ metadata }) =>
    metadata?.ownerReferences?.some(({ uid }) => uid === cronJob.metadata?.uid),
  );
  const latest = own.toSorted((left, right) => compareAge(right, left))[0];
  if (latest === undefined) throw new UserError(`cronjob/${cronJob.metadata?.name} has started no job yet`);
  return selectorOf(latest);
}

/** All that are meant, oldest first. */
export async function findPods(connection: Connection, choice: PodChoice): Promise<readonly Pod[]> {
  const { client, namespace } = connection;
  if (choice.kind === 'pod') return [await client.get(pods, { namespace, name: choice.name })];
  const { items } = await client.list(pods, { namespace, labelSelector: choice.selector });
  return items.toSorted(compareAge);
}

/** The one that can best answer now. @throws UserError where there is none */
export async function findPod(connection: Connection, word: string): Promise<Pod> {
  const choice = await choosePods(connection, word);
  const best = bestPod(await findPods(connection, choice));
  if (best === undefined) throw new UserError(`${word} has no pods now (naru why ${word} says why)`);
  return best;
}

/** Ready before running, running before pending, what stays before what ends, the oldest of them. */
export function bestPod(candidates: readonly Pod[]): Pod | undefined {
  const rank = (pod: Pod): number => {
    const { phase, conditions = [] } = pod.status ?? {};
    const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    if (phase !== 'Running') return phase === 'Pending' ? 2 : 0;
    return (isReady ? 6 : 4) - (pod.metadata?.deletionTimestamp === undefined ? 0 : 1);
  };
  return candidates.toSorted((left, right) => rank(right) - rank(left) || compareAge(left, right))[0];
}

const compareAge = (left: KubeObject, right: KubeObject): number => {
  const [one, two] = [left, right].map(({ metadata }) => `${metadata?.creationTimestamp} ${metadata?.name}`);
  return (one ?? '') < (two ?? '') ? -1 : 1;
};

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

export interface ChosenContainer {
  readonly name: string;
  /** The others that it could have been, where nobody said which. */
  readonly others: readonly string[];
}

/** The one that is named, or the pod's default. @throws UserError naming those that there are */
export function chooseContainer(pod: Pod, wanted: string | undefined): ChosenContainer {
  const everything = containerNames(pod);
  if (wanted !== undefined) {
    if (everything.includes(wanted)) return { name: wanted, others: [] };
    throw new UserError(`pod ${pod.metadata?.name} has no container "${wanted}"; it has ${everything.join(', ')}`);
  }
  const annotated = pod.metadata?.annotations?.[defaultContainerAnnotation];
  if (annotated !== undefined && everything.includes(annotated)) return { name: annotated, others: [] };
  const [first = '', ...others] = (pod.spec?.containers ?? []).map(({ name }) => name);
  return { name: first, others };
}

/** As they run: init containers first. */
export function containerNames({ spec }: Pod): readonly string[] {
  const all: readonly Pick<Container, 'name'>[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  return all.map(({ name }) => name);
}
