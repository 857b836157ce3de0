/** What descriptions of many kinds have in common: who it is, whose it is, conditions, templates. Pure. */
import type { KubeObject } from '../../../api/object.ts';
import type { LabelSelector } from '../../../api/schema/types/meta-v1.ts';
import { ageSince } from '../../../api/table/duration.ts';
import type { Entry, Value } from './layout.ts';

/** What a description may ask of the cluster beside its object. What it may not see it goes without. */
export interface Asker {
  readonly nowMs: number;
  /** Of a built-in resource, by its API path: `/api/v1/namespaces/a/pods`. Empty where it may not be read. */
  list<T extends KubeObject>(path: string, query?: Readonly<Record<string, string>>): Promise<readonly T[]>;
}

export type Describer<T extends KubeObject = KubeObject> = (
  object: T,
  ask: Asker,
) => readonly Entry[] | Promise<readonly Entry[]>;

export const orNone = (text: string | number | undefined): string =>
  text === undefined || text === '' ? '<none>' : String(text);

export const yesNo = (value: boolean | undefined): string => (value === true ? 'true' : 'false');

/** `a=b` lines, in order. */
export function pairs(record: Readonly<Record<string, string>> | undefined, separator = '='): string[] {
  return Object.entries(record ?? {})
    .map(([name, value]) => `${name}${separator}${value}`)
    .toSorted();
}

/** As people write selectors: `app=web,tier in (a,b)`. */
export function selectorText(selector: LabelSelector | Readonly<Record<string, string>> | undefined): string {
  if (selector === undefined) return '<none>';
  const isPlain = !('matchLabels' in selector) && !('matchExpressions' in selector);
  const { matchLabels, matchExpressions } = (isPlain ? { matchLabels: selector } : selector) as LabelSelector;
  const words: Readonly<Record<string, (key: string, values: readonly string[]) => string>> = {
    In: (key, values) => `${key} in (${values.join(',')})`,
    NotIn: (key, values) => `${key} notin (${values.join(',')})`,
    Exists: (key) => key,
    DoesNotExist: (key) => `!${key}`,
  };
  const expressions = (matchExpressions ?? []).map(
    ({ key, operator, values }) => words[operator]?.(key, values ?? []) ?? `${key} ${operator}`,
  );
  return [...pairs(matchLabels), ...expressions].join(',') || '<none>';
}

interface AnyCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export function conditionsOf(conditions: readonly AnyCondition[] | undefined, { nowMs }: Asker): Entry {
  const rows = (conditions ?? []).map(({ type, status, reason, message, lastTransitionTime }) => [
    type,
    status,
    lastTransitionTime === undefined ? '' : ageSince(lastTransitionTime, nowMs),
    reason ?? '',
    message ?? '',
  ]);
  return [
    'Conditions',
    rows.length === 0 ? undefined : { columns: ['Type', 'Status', 'Since', 'Reason', 'Message'], rows },
  ];
}

/** A time as it is, and how long ago. */
export function timeText(timestamp: string | undefined | null, nowMs: number): string | undefined {
  return timestamp ? `${timestamp} (${ageSince(timestamp, nowMs)} ago)` : undefined;
}

/** The beginning of every description. */
export function headOf({ metadata = {}, kind }: KubeObject, nowMs: number): Entry[] {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const hidden = new Set(['kubectl.kubernetes.io/last-applied-configuration']);
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([name]) => !hidden.has(name)),
  );
  const deleting = metadata.deletionTimestamp;
  const finalizers = metadata.finalizers ?? [];
  return [
    ['Name', metadata.name ?? ''],
    ['Namespace', metadata.namespace],
    ['Kind', kind],
    ['Created', timeText(metadata.creationTimestamp, nowMs)],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(annotations, ': ')],
    ['Controlled By', owner === undefined ? undefined : `${owner.kind}/${owner.name}`],
    ['Finalizers', finalizers.length === 0 ? undefined : finalizers],
    ['Status', deleting === undefined ? undefined : `Terminating, since ${timeText(deleting, nowMs)}`],
  ];
}

/** How many pods are in which phase. */
export function phasesText(pods: readonly { readonly status?: { readonly phase?: string } }[]): string {
  const count = (phase: string): number => pods.filter(({ status }) => status?.phase === phase).length;
  return ['Running', 'Pending', 'Succeeded', 'Failed'].map((phase) => `${count(phase)} ${phase}`).join(' / ');
}

export const table = (columns: readonly string[], rows: readonly (readonly string[])[]): Value => ({ columns, rows });
