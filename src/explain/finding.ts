/**
 * What is said about a thing that is not as it should be: what, why one may believe it, and what to do. Findings form a tree: the causes of a finding
 * lead to it, and a finding without causes is where a chain begins. Plain data, so that programs can read it, too.
 */
import type { KubeObject } from '../api/object.ts';

/** `problem`: it does not do its work. `warning`: it does, and something will go wrong. `note`: good to know. */
export type Severity = 'problem' | 'warning' | 'note';

export interface Remedy {
  /** A sentence that says what this achieves. */
  readonly say: string;
  /** The exact command, where one does it. */
  readonly run?: string;
}

/** What a finding is about. */
export interface Subject {
  readonly kind: string;
  /** Absent: outside namespaces. */
  readonly namespace?: string;
  readonly name: string;
}

export interface Finding {
  /** A word for programs: `ImageNotFound`. */
  readonly code: string;
  readonly severity: Severity;
  readonly subject: Subject;
  /** One sentence without its full stop; names the subject only where it must, so that equal ones can be told as one. */
  readonly what: string;
  /** Which condition, event or field says so. */
  readonly why: readonly string[];
  readonly fix: readonly Remedy[];
  readonly causes: readonly Finding[];
  /** How many other objects have the same. */
  readonly others: number;
}

export interface FindingParts {
  readonly severity?: Severity;
  readonly why?: readonly (string | undefined)[];
  readonly fix?: readonly (Remedy | undefined)[];
  readonly causes?: readonly Finding[];
}

export function finding(
  about: KubeObject | Subject,
  code: string,
  what: string,
  { severity = 'problem', why = [], fix = [], causes = [] }: FindingParts = {},
): Finding {
  return {
    code,
    severity,
    subject: 'name' in about ? about : subjectOf(about),
    what,
    why: why.filter((line) => line !== undefined && line !== '') as string[],
    fix: fix.filter((remedy) => remedy !== undefined),
    causes: merged(causes),
    others: 0,
  };
}

export function subjectOf({ kind = 'object', metadata }: KubeObject): Subject {
  const { name = '', namespace } = metadata ?? {};
  return { kind, name, ...(namespace && { namespace }) };
}

export const remedy = (say: string, run?: string): Remedy => ({ say, ...(run !== undefined && { run }) });

/** `deployment/web`: as the commands take it. */
export const shortName = ({ kind, name }: Subject): string => `${kind.toLowerCase()}/${name}`;

/** `deployment/web -n shop`: the end of a command. */
export const argumentOf = (subject: Subject): string => shortName(subject) + inNamespace(subject.namespace);

export const inNamespace = (namespace: string | undefined): string => (namespace ? ` -n ${namespace}` : '');

const weights: Readonly<Record<Severity, number>> = { problem: 0, warning: 1, note: 2 };

/** The worst first; what is said of several objects alike is one finding that counts them. */
export function merged(findings: readonly Finding[]): readonly Finding[] {
  const byText = new Map<string, Finding>();
  for (const one of findings) {
    const key = textOf(one);
    const known = byText.get(key);
    byText.set(key, known === undefined ? one : { ...known, others: known.others + one.others + 1 });
  }
  return [...byText.values()].toSorted((a, b) => weights[a.severity] - weights[b.severity]);
}

const textOf = ({ code, what, subject, causes }: Finding): string =>
  JSON.stringify([code, subject.kind, what, causes.map(textOf)]);

/** Where the chain of the worst finding begins. */
export function rootOf(one: Finding): Finding {
  const [first] = one.causes.filter(({ severity }) => severity !== 'note');
  return first === undefined ? one : rootOf(first);
}

export const isProblem = ({ severity }: Finding): boolean => severity === 'problem';
