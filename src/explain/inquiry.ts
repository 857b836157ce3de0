/**
 * One question and all that it leads to. A rule looks at an object and at what it asks the `Look` for; where another object is the cause, it goes `into`
 * that one, whose rules go on. Each object is looked at once, one after another, so that a circle of causes ends where it meets itself.
 */
import type { KubeObject } from '../api/object.ts';
import type { Event } from '../api/schema/types/core-v1.ts';
import type { Resource } from '../client/client.ts';
import { events } from '../client/resources.ts';
import { type Finding, merged } from './finding.ts';
import type { Look } from './look.ts';
import { timeOf } from './words.ts';

export type Rule<T extends KubeObject = KubeObject> = (
  object: T,
  inquiry: Inquiry,
) => readonly Finding[] | Promise<readonly Finding[]>;

/** What is asked about one kind, whatever its version. */
export interface RuleRow {
  readonly group: string;
  readonly kind: string;
  readonly rules: readonly Rule[];
}

export function rulesFor<T extends KubeObject>({ group, kind }: Resource<T>, ...rules: readonly Rule<T>[]): RuleRow {
  return { group, kind, rules: rules as readonly Rule[] };
}

export interface RuleTable {
  readonly byKind: readonly RuleRow[];
  /** Asked about every object. */
  readonly always: readonly Rule[];
  /** Asked about kinds without a row. */
  readonly otherwise: readonly Rule[];
}

/** Chains are short; at this depth something goes in circles by other names. */
const depthMax = 12;

export class Inquiry {
  readonly look: Look;
  readonly #table: RuleTable;
  readonly #known = new Map<string, readonly Finding[]>();
  readonly #path: string[] = [];

  constructor(look: Look, table: RuleTable) {
    this.look = look;
    this.#table = table;
  }

  get nowMs(): number {
    return this.look.nowMs;
  }

  /** What is wrong with it, the worst first. */
  async into(object: KubeObject): Promise<readonly Finding[]> {
    const key = keyOf(object);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#path.includes(key) || this.#path.length >= depthMax) return [];
    this.#path.push(key);
    try {
      const found = merged(await this.#ask(object));
      this.#known.set(key, found);
      return found;
    } finally {
      this.#path.pop();
    }
  }

  /** Those of an object that is missing: nothing. */
  async intoIfThere(object: KubeObject | undefined): Promise<readonly Finding[]> {
    return object === undefined ? [] : this.into(object);
  }

  async intoAll(objects: readonly KubeObject[]): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const object of objects) findings.push(...(await this.into(object)));
    return findings;
  }

  /** What was told about an object, the latest first. */
  async events(object: KubeObject): Promise<readonly Event[]> {
    const { name, namespace = 'default', uid } = object.metadata ?? {};
    const all = await this.look.list(events, namespace);
    return all
      .filter(({ involvedObject: about }) =>
        about.uid !== undefined && uid !== undefined
          ? about.uid === uid
          : about.name === name && about.kind === object.kind,
      )
      .toSorted((a, b) => lastMs(b) - lastMs(a));
  }

  async #ask(object: KubeObject): Promise<Finding[]> {
    const slash = (object.apiVersion ?? '').indexOf('/');
    const group = slash < 0 ? '' : (object.apiVersion ?? '').slice(0, slash);
    const row = this.#table.byKind.find((one) => one.group === group && one.kind === object.kind);
    const findings: Finding[] = [];
    for (const rule of [...this.#table.always, ...(row?.rules ?? this.#table.otherwise)]) {
      findings.push(...(await rule(object, this)));
    }
    return findings;
  }
}

const keyOf = ({ apiVersion = '', kind = '', metadata }: KubeObject): string =>
  `${apiVersion.split('/', 1)[0]}|${kind}|${metadata?.namespace ?? ''}|${metadata?.name ?? ''}`;

const lastMs = ({ series, lastTimestamp, eventTime, metadata }: Event): number =>
  timeOf(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp) ?? 0;

/** `event Unhealthy (12 times, the last 30 s ago): Readiness probe failed: …` */
export function eventLine(event: Event, nowMs: number): string {
  const count = event.series?.count ?? event.count ?? 1;
  const seconds = Math.max(0, Math.round((nowMs - lastMs(event)) / 1000));
  const ago =
    seconds < 120
      ? `${seconds} s`
      : seconds < 7200
        ? `${Math.round(seconds / 60)} min`
        : `${Math.round(seconds / 3600)} h`;
  const times = count > 1 ? `${count} times, the last ${ago} ago` : `${ago} ago`;
  return `event ${event.reason ?? ''} (${times}): ${(event.message ?? '').slice(0, 600)}`;
}
