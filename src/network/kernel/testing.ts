/**
 * nft for unit tests: a model of the kernel's tables that takes the same transactions, as a whole or not at all, and refuses what names something that is not
 * there or is there already. It does not read rules (`jump` and `goto` apart, whose chains must be there): the real nft does in `test/network`.
 */
import { assert } from '../../lib/assert.ts';
import type { NftError, NftRunner } from './nft.ts';

export interface FakeChain {
  readonly hook?: string;
  rules: string[];
}

export interface FakeTable {
  readonly chains: Map<string, FakeChain>;
  /** By set: key to value; elements of sets have ''. */
  readonly sets: Map<string, Map<string, string>>;
}

type Step = (tables: Map<string, FakeTable>, words: Readonly<Record<string, string>>) => string | undefined;

const missing = 'No such file or directory';
const exists = 'File exists';

export class FakeNft implements NftRunner {
  /** Every transaction that was carried out. */
  readonly transactions: (readonly string[])[] = [];
  #tables = new Map<string, FakeTable>();
  #refusals: { readonly pattern: RegExp; readonly message: string | undefined }[] = [];
  #failures = 0;

  /** Commands that match are refused from now on; without a message nft cannot say which command it was. */
  refuse(pattern: RegExp, message?: string): void {
    this.#refusals.push({ pattern, message });
  }

  /** nft dies under the next transactions. */
  failNext(times = 1): void {
    this.#failures = times;
  }

  /** As `nft flush ruleset` by somebody else. */
  flushRuleset(): void {
    this.#tables.clear();
  }

  /** `inet naru-proxy-0123abcd`. */
  table(name: string): FakeTable | undefined {
    return this.#tables.get(name);
  }

  elements(table: string, set: string): Record<string, string> {
    return Object.fromEntries([...(this.#tables.get(table)?.sets.get(set) ?? [])].toSorted());
  }

  rules(table: string, chain: string): readonly string[] | undefined {
    return this.#tables.get(table)?.chains.get(chain)?.rules;
  }

  run(commands: readonly string[]): Promise<readonly NftError[]> {
    if (this.#failures > 0) {
      this.#failures--;
      return Promise.reject(new Error('nft died'));
    }
    const tables = structuredClone(this.#tables);
    const errors: NftError[] = [];
    for (const [command, text] of commands.entries()) {
      const refusal = this.#refusals.find(({ pattern }) => pattern.test(text));
      const message = refusal === undefined ? carryOut(tables, text) : refusal.message;
      if (refusal !== undefined && message === undefined) errors.push({ message: 'Could not process rule' });
      else if (message !== undefined) errors.push({ command, message });
    }
    if (errors.length === 0) {
      this.#tables = tables;
      if (commands.length > 0) this.transactions.push(commands);
    }
    return Promise.resolve(errors);
  }
}

const table = '(?<table>\\S+ \\S+)';
const name = '(?<name>\\S+)';

const steps: readonly (readonly [RegExp, Step])[] = [
  [
    new RegExp(`^(?<verb>add|create) table ${table}$`),
    (tables, { verb, table = '' }) => {
      if (tables.has(table)) return verb === 'create' ? exists : undefined;
      tables.set(table, { chains: new Map(), sets: new Map() });
      return undefined;
    },
  ],
  [new RegExp(`^delete table ${table}$`), (tables, { table = '' }) => (tables.delete(table) ? undefined : missing)],
  [
    new RegExp(`^add (set|map) ${table} ${name} \\{ .*; \\}$`),
    (tables, { table = '', name = '' }) => {
      const sets = tables.get(table)?.sets;
      if (sets === undefined) return missing;
      if (!sets.has(name)) sets.set(name, new Map());
      return undefined;
    },
  ],
  [
    new RegExp(`^delete (set|map) ${table} ${name}$`),
    (tables, { table = '', name = '' }) => {
      const held = [...(tables.get(table)?.chains.values() ?? [])].some(({ rules }) =>
        rules.some((rule) => names(rule, `@${name}`)),
      );
      if (held) return 'Device or resource busy';
      return tables.get(table)?.sets.delete(name) === true ? undefined : missing;
    },
  ],
  [
    new RegExp(`^add chain ${table} ${name}(?: \\{ (?<hook>.*) \\})?$`),
    (tables, { table = '', name = '', hook }) => {
      const chains = tables.get(table)?.chains;
      if (chains === undefined) return missing;
      if (!chains.has(name)) chains.set(name, { ...(hook === undefined ? {} : { hook }), rules: [] });
      return undefined;
    },
  ],
  [
    new RegExp(`^flush chain ${table} ${name}$`),
    (tables, { table = '', name = '' }) => {
      const chain = tables.get(table)?.chains.get(name);
      if (chain === undefined) return missing;
      chain.rules = [];
      return undefined;
    },
  ],
  [
    new RegExp(`^delete chain ${table} ${name}$`),
    (tables, { table = '', name = '' }) => {
      const held = tables.get(table);
      if (held?.chains.has(name) !== true) return missing;
      const words = [...held.chains.values()].flatMap(({ rules }) => rules);
      const values = [...held.sets.values()].flatMap((elements) => [...elements.values()]);
      if ([...words, ...values].some((text) => names(text, `jump ${name}`) || names(text, `goto ${name}`)))
        return 'Device or resource busy';
      held.chains.delete(name);
      return undefined;
    },
  ],
  [
    new RegExp(`^add rule ${table} ${name} (?<rule>.+)$`),
    (tables, { table = '', name = '', rule = '' }) => {
      const held = tables.get(table);
      const chain = held?.chains.get(name);
      if (held === undefined || chain === undefined || leadsNowhere(held, rule)) return missing;
      chain.rules.push(rule);
      return undefined;
    },
  ],
  [
    new RegExp(`^(?<verb>add|delete) element ${table} ${name} \\{ (?<elements>.*) \\}$`),
    (tables, { verb, table = '', name = '', elements = '' }) => {
      const held = tables.get(table);
      const set = held?.sets.get(name);
      if (held === undefined || set === undefined) return missing;
      for (const text of elements.split(', ')) {
        const [key = '', value = ''] = text.split(/ : (.*)/);
        if (verb === 'delete' ? !set.delete(key) : leadsNowhere(held, value)) return missing;
        if (verb === 'delete') continue;
        if (set.has(key) && set.get(key) !== value) return exists;
        set.set(key, value);
      }
      return undefined;
    },
  ],
];

function carryOut(tables: Map<string, FakeTable>, command: string): string | undefined {
  assert(!command.includes('\n'), 'a command is one line');
  for (const [pattern, step] of steps) {
    const match = pattern.exec(command);
    if (match !== null) return step(tables, match.groups ?? {});
  }
  return `syntax error: ${command}`;
}

/** The word stands in the text as a whole: names may hold `-` and `/`. */
function names(text: string, word: string): boolean {
  return ` ${text} `.replaceAll(/[{},;]/g, ' ').includes(` ${word} `);
}

function leadsNowhere({ chains, sets }: FakeTable, text: string): boolean {
  const chain = /(?:^|\s)(?:jump|goto) ([^\s,;}]+)/g;
  const set = /@([A-Za-z][^\s,;}]*)/g;
  const lacksChain = [...text.matchAll(chain)].some(([, to = '']) => !chains.has(to));
  // `@ih`, `@nh` and `@th` are raw bytes of packets.
  return lacksChain || [...text.matchAll(set)].some(([, of = '']) => !sets.has(of) && !/^(ih|nh|th|ll),?$/.test(of));
}
