/**
 * How a request finds its section: by maps for host and path, whatever their number; only routes that look at more than that cost a comparison each.
 *
 * ```
 *   Host ──▶ hosts.map, else one-label.map, else suffix.map (longest first), else * ──▶ host's key
 *   key + path ──▶ exact.map, else prefix.map (longest first) ──┬──▶ section
 *                                                              ├──▶ g.… : several routes have this path; the first whose conditions hold
 *                                                              └──▶ w.… : several sections share the requests by weight
 * ```
 * A slot of the maps is a path that a route names. It holds all routes that can match there in order of precedence, up to the first without conditions, so
 * that the longest slot that fits a request always has the whole answer. Pure.
 */
import type { Route, RouteMatch, TextMatch, VirtualHost } from '../plan.ts';
import type { Build } from './build.ts';
import { fromRanges, samples } from './filters.ts';
import { checkedRegex, escapedRegex } from './regex.ts';
import { shortHash } from './rendering.ts';
import type { Outcome } from './sections.ts';
import { equals, headerName, matches, requestPath, word } from './words.ts';

/** Conditions that all must hold, and what then. */
interface Candidate {
  readonly order: number;
  readonly conditions: readonly string[];
  readonly choice: string;
}

/** Keeps what the rules after the maps must know: groups of candidates, and weighted choices. */
export class Choices {
  readonly #groups = new Map<string, readonly Candidate[]>();
  readonly #weighted = new Map<string, Outcome>();

  /** The name for a map: the section itself, where it is the only one. */
  choice(outcome: Outcome): string {
    const [first] = outcome;
    if (first !== undefined && outcome.length === 1) return first.section;
    const name = `w.${shortHash(JSON.stringify(outcome))}`;
    this.#weighted.set(name, outcome);
    return name;
  }

  group(candidates: readonly Candidate[]): string {
    const [first] = candidates;
    if (first !== undefined && first.conditions.length === 0) return first.choice;
    const name = `g.${shortHash(JSON.stringify(candidates.map(({ conditions, choice }) => [conditions, choice])))}`;
    this.#groups.set(name, candidates);
    return name;
  }

  /** Lines that turn `txn.be` into the name of a section. `rule`: how a line of this kind of frontend begins. */
  lines(rule: 'http-request' | 'tcp-request content'): string[] {
    const set = `${rule} set-var(txn.be)`;
    return [
      ...[...this.#groups].flatMap(([name, candidates]) => groupLines(name, candidates)),
      ...[...this.#weighted].flatMap(([name, outcome]) => weightedLines(set, name, outcome)),
    ];
  }
}

/** A line of HAProxy's takes 64 words, and a condition at most eight. */
const conditionsMax = 6;

function groupLines(group: string, candidates: readonly Candidate[]): string[] {
  return candidates.flatMap(({ conditions, choice }, index) => {
    const isGroup = equals('var(txn.be)', group);
    const parts = chunks(conditions, conditionsMax);
    const lines = parts.slice(0, -1).map((part, step) => {
      const before = step === 0 ? isGroup : equals('var(txn.step)', `${group}:${index}:${step}`);
      return `http-request set-var(txn.step) str(${group}:${index}:${step + 1}) if ${[before, ...part].join(' ')}`;
    });
    const last = lines.length === 0 ? isGroup : equals('var(txn.step)', `${group}:${index}:${lines.length}`);
    return [...lines, `http-request set-var(txn.be) str(${choice}) if ${[last, ...(parts.at(-1) ?? [])].join(' ')}`];
  });
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let at = 0; at < items.length; at += size) result.push(items.slice(at, at + size));
  return result;
}

/** Each line takes its share of what the lines before left: the shares are exact. */
function weightedLines(set: string, name: string, outcome: Outcome): string[] {
  let left = outcome.reduce((sum, { weight }) => sum + weight, 0);
  return outcome.map(({ section, weight }, index) => {
    const chance = index === outcome.length - 1 ? '' : ` { rand(${left}) lt ${weight} }`;
    left -= weight;
    return `${set} str(${section}) if ${equals('var(txn.be)', name)}${chance}`;
  });
}

export type OutcomeOf = (route: Route) => Outcome | undefined;

/** Lines of a frontend that find the section of a request, and fill the maps. `id`: before the maps' names. */
export function hostLines(
  hosts: readonly VirtualHost[],
  id: string,
  outcomeOf: OutcomeOf,
  build: Build,
): { lines: string[]; choices: Choices } {
  const choices = new Choices();
  const paths = new PathMaps(id, choices, build);
  for (const host of hosts) paths.add(hostKey(host), host.routes, outcomeOf);
  const names = hosts.map(({ host, isOneLabel }) => ({
    name: host.toLowerCase(),
    isOneLabel,
    key: hostKey({ host, isOneLabel }),
  }));
  return {
    lines: [
      ...nameLines(names, 'http-request', 'txn.host', id, build),
      ...paths.lines(),
      ...choices.lines('http-request'),
    ],
    choices,
  };
}

function hostKey({ host, isOneLabel }: { host: string; isOneLabel?: boolean | undefined }): string {
  const name = host.toLowerCase();
  return isOneLabel && name.startsWith('*.') ? `+${name.slice(1)}` : name;
}

export interface NameRow {
  /** `example.com`, `*.example.com`, `*`. */
  readonly name: string;
  readonly isOneLabel?: boolean | undefined;
  readonly key: string;
}

/** Lines that look a DNS name (in `variable`) up and set `txn.vh` to its key. */
export function nameLines(
  rows: readonly NameRow[],
  rule: 'http-request' | 'tcp-request content',
  variable: string,
  id: string,
  build: Build,
): string[] {
  const unlessFound = ' if !{ var(txn.vh) -m found }';
  const set = `${rule} set-var(txn.vh)`;
  const exact = rows.filter(({ name }) => !name.startsWith('*'));
  const wild = rows.filter(({ name }) => name.startsWith('*.'));
  const one = wild.filter(({ isOneLabel }) => isOneLabel);
  const more = wild.filter(({ isOneLabel }) => !isOneLabel);
  const lines: string[] = [];
  if (exact.length > 0)
    lines.push(`${set} ${lookUp(`var(${variable})`, 'map_str', fill(`${id}-hosts.map`, exact, 0, build))}`);
  // What follows the first label.
  if (wild.length > 0) lines.push(`${rule} set-var(txn.rest) ${word(`var(${variable}),regsub('^[^.]*\\.?','')`)}`);
  if (one.length > 0)
    lines.push(
      `${set} ${lookUp('var(txn.rest)', 'map_str', fill(`${id}-one-label.map`, one, 2, build))}${unlessFound}`,
    );
  if (more.length > 0) {
    const path = fill(`${id}-suffix.map`, more, 2, build);
    const depths = [...new Set(more.map(({ name }) => name.split('.').length - 1))].toSorted((a, b) => b - a);
    for (const depth of depths)
      lines.push(`${set} ${lookUp(`var(txn.rest),field(-1,.,${depth})`, 'map_str', path)}${unlessFound}`);
  }
  const last = rows.find(({ name }) => name === '*');
  if (last !== undefined) lines.push(`${set} str(${word(last.key)})${rows.length > 1 ? unlessFound : ''}`);
  return lines;
}

const lookUp = (sample: string, map: string, path: string): string => `${sample},${map}(${path})`;

function fill(name: string, rows: readonly NameRow[], skip: number, build: Build): string {
  const { path, entries } = build.map(name);
  for (const row of rows) {
    const key = row.name.slice(skip);
    if (/^[^\s#"'\\]{1,253}$/.test(key) && !entries.has(key)) entries.set(key, row.key);
  }
  return path;
}

/** The routes of all hosts of one frontend, by path. */
class PathMaps {
  readonly #id: string;
  readonly #choices: Choices;
  readonly #build: Build;
  readonly #exact = new Map<string, string>();
  readonly #prefix = new Map<string, string>();

  constructor(id: string, choices: Choices, build: Build) {
    this.#id = id;
    this.#choices = choices;
    this.#build = build;
  }

  add(key: string, routes: readonly Route[], outcomeOf: OutcomeOf): void {
    const slots = new Slots();
    routes.forEach((route, order) => {
      try {
        const conditions = conditionsOf(route.match, this.#build);
        const outcome = outcomeOf(route);
        if (outcome !== undefined) slots.add(route.match, { order, conditions, choice: this.#choices.choice(outcome) });
      } catch (error) {
        this.#build.refuse(route.source, error);
      }
    });
    for (const [path, candidates] of slots.exact()) this.#exact.set(`${key}${path}`, this.#choices.group(candidates));
    for (const [path, candidates] of slots.prefixes())
      this.#prefix.set(`${key}${path}/`, this.#choices.group(candidates));
  }

  lines(): string[] {
    const lines = ['http-request set-var(txn.path) path'];
    const set = 'http-request set-var(txn.be)';
    if (this.#exact.size > 0)
      lines.push(`${set} ${lookUp('var(txn.vh),concat(,txn.path)', 'map_str', this.#map('exact', this.#exact))}`);
    if (this.#prefix.size > 0) {
      const unless = this.#exact.size > 0 ? ' if !{ var(txn.be) -m found }' : '';
      lines.push(
        `${set} ${lookUp('var(txn.vh),concat(,txn.path,/)', 'map_beg', this.#map('prefix', this.#prefix))}${unless}`,
      );
    }
    return lines;
  }

  #map(name: string, entries: ReadonlyMap<string, string>): string {
    const { path, entries: map } = this.#build.map(`${this.#id}-${name}.map`);
    for (const [key, value] of entries) map.set(key, value);
    return path;
  }
}

/** The routes of one host by the paths that they name. */
class Slots {
  readonly #exact = new Map<string, Candidate[]>();
  /** Without the slash at the end: the whole host is the empty text. */
  readonly #prefix = new Map<string, Candidate[]>();
  /** Those whose path is one of their conditions. */
  readonly #anywhere: Candidate[] = [];

  add({ path }: RouteMatch, candidate: Candidate): void {
    if (path.kind === 'regex' || path.ignoreCase) {
      this.#anywhere.push(candidate);
      put(this.#prefix, '');
    } else if (path.kind === 'exact') put(this.#exact, requestPath(path.value), candidate);
    else put(this.#prefix, requestPath(path.value).replace(/\/+$/, ''), candidate);
  }

  *exact(): Iterable<[string, readonly Candidate[]]> {
    for (const [path, own] of this.#exact) yield [path, this.#at(path, own)];
  }

  *prefixes(): Iterable<[string, readonly Candidate[]]> {
    for (const path of this.#prefix.keys()) yield [path, this.#at(path, [])];
  }

  /** All that can match at a path, in order, up to the first that always does. */
  #at(path: string, own: readonly Candidate[]): readonly Candidate[] {
    const all = [...own, ...this.#anywhere];
    const elements = path.split('/');
    for (let length = 1; length <= elements.length; length++) {
      const prefix = elements.slice(0, length).join('/');
      if (length > 1 && prefix.endsWith('/')) continue;
      all.push(...(this.#prefix.get(prefix) ?? []));
    }
    all.sort((a, b) => a.order - b.order);
    const end = all.findIndex(({ conditions }) => conditions.length === 0);
    return end < 0 ? all : all.slice(0, end + 1);
  }
}

function put(slots: Map<string, Candidate[]>, path: string, ...candidates: Candidate[]): void {
  const slot = slots.get(path);
  if (slot === undefined) slots.set(path, candidates);
  else slot.push(...candidates);
}

function conditionsOf(match: RouteMatch, build: Build): string[] {
  const { path, method, headers, query, clients, cookie } = match;
  return [
    ...pathConditions(path),
    ...(method === undefined ? [] : [equals('method', headerName(method))]),
    ...headers.map((header) => textCondition(samples.header(header.name), header)),
    ...query.map((parameter) => textCondition(samples.query(parameter.name), parameter)),
    ...(clients === undefined ? [] : [fromRanges(clients, build)]),
    ...(cookie === undefined ? [] : [equals(samples.cookie(cookie.name), cookie.value)]),
  ];
}

function textCondition(sample: string, { kind, value }: TextMatch): string {
  return kind === 'exact' ? equals(sample, value) : matches(sample, wholeText(checkedRegex(value)));
}

/** All of a text must match, flags in front of the expression hold for it. */
function wholeText(regex: string): string {
  const [, flags = '', rest = regex] = /^(\(\?[ims]+\))(.*)$/s.exec(regex) ?? [];
  return `${flags}^(?:${rest})$`;
}

function pathConditions({ kind, value, ignoreCase = false }: RouteMatch['path']): string[] {
  if (kind === 'regex') {
    const [, flags = '', rest = value] = /^(\(\?[ims]+\))(.*)$/s.exec(checkedRegex(value)) ?? [];
    return [matches('path', `${flags}^(?:${rest.replace(/^\^/, '')})`, ignoreCase)];
  }
  if (!ignoreCase) return [];
  const text = escapedRegex(requestPath(value).replace(kind === 'prefix' ? /\/+$/ : /$^/, ''));
  return [matches('path', kind === 'prefix' ? `^${text}(?:/|$)` : `^${text}$`, true)];
}
