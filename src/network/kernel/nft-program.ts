/**
 * Commands that bring a table from one state to another: pure. Whatever changes, the order is the same, because nft takes nothing that names what is not
 * there, and the kernel keeps what is still named:
 *
 * ```
 *   chains ─▶ sets ─▶ rules (flushed and anew) ─▶ elements out, elements in ─▶ chains emptied, chains out ─▶ sets out
 * ```
 * Chains come before sets: nft 1.0.6 sends the elements of a new map with intervals where the map was made, and their verdicts name chains.
 */
import type { NftBase, NftChain, NftElement, NftFragment, NftSet } from './nft-table.ts';

/** A command, and who asked for it: the owner is at fault where nft refuses the command. */
export interface NftCommand {
  readonly owner: string;
  readonly text: string;
}

export interface NftChange {
  readonly owner: string;
  readonly before: NftFragment | undefined;
  readonly after: NftFragment | undefined;
}

/** Elements are changed where the table as a whole says so: owners may want the same one. */
export interface NftElementChange {
  readonly owner: string;
  readonly removed: readonly NftElement[];
  readonly added: readonly NftElement[];
}

const stages = ['chains', 'sets', 'rules', 'elementsOut', 'elementsIn', 'emptied', 'chainsOut', 'setsOut'] as const;
type Stage = (typeof stages)[number];

/** The owner of the base. */
export const baseOwner = '';

export function tableName(base: Pick<NftBase, 'family' | 'name'>): string {
  return `${base.family} ${base.name}`;
}

/** In place of whatever is there, in one transaction: the table is made so that it can be deleted. */
export function replacement(table: string): NftCommand[] {
  return ['add', 'delete', 'add'].map((verb) => ({ owner: baseOwner, text: `${verb} table ${table}` }));
}

export function difference(
  table: string,
  changes: readonly NftChange[],
  elements: readonly NftElementChange[],
): NftCommand[] {
  const plan = new Plan(table);
  for (const change of changes) {
    plan.sets(change);
    plan.chains(change);
  }
  for (const change of elements) plan.elements(change);
  return plan.commands();
}

/** In one command: nft reads few long ones faster than many short ones. */
const elementsMax = 1000;

/** Elements for sets that are empty, without their owners' names: for a table that is made anew. */
export function filling(
  table: string,
  sets: Iterable<readonly [set: string, elements: Iterable<NftElement>]>,
): string[] {
  const commands: string[] = [];
  for (const [set, elements] of sets) {
    let entries: string[] = [];
    const end = (): void => {
      if (entries.length > 0) commands.push(`add element ${table} ${set} { ${entries.join(', ')} }`);
      entries = [];
    };
    for (const element of elements) if (entries.push(written(element)) === elementsMax) end();
    end();
  }
  return commands;
}

class Plan {
  readonly #table: string;
  readonly #stages: Record<Stage, NftCommand[]> = {
    sets: [],
    chains: [],
    rules: [],
    elementsOut: [],
    elementsIn: [],
    emptied: [],
    chainsOut: [],
    setsOut: [],
  };

  constructor(table: string) {
    this.#table = table;
  }

  commands(): NftCommand[] {
    return stages.flatMap((stage) => this.#stages[stage]);
  }

  sets({ owner, before, after }: NftChange): void {
    const [old, wanted] = [before?.sets ?? {}, after?.sets ?? {}];
    for (const [name, set] of Object.entries(wanted)) {
      if (old[name] === undefined)
        this.#say('sets', owner, `add ${set.kind} ${this.#table} ${name} { ${set.declaration}; }`);
    }
    for (const [name, set] of Object.entries(old)) {
      if (wanted[name] === undefined) this.#say('setsOut', owner, `delete ${set.kind} ${this.#table} ${name}`);
    }
  }

  chains({ owner, before, after }: NftChange): void {
    const [old, wanted] = [before?.chains ?? {}, after?.chains ?? {}];
    for (const [name, chain] of Object.entries(wanted)) this.#chain(owner, name, old[name], chain);
    for (const name of Object.keys(old)) {
      if (wanted[name] !== undefined) continue;
      this.#say('emptied', owner, `flush chain ${this.#table} ${name}`);
      this.#say('chainsOut', owner, `delete chain ${this.#table} ${name}`);
    }
  }

  elements({ owner, removed, added }: NftElementChange): void {
    for (const [set, keys] of bySet(removed, ({ key }) => key)) {
      this.#say('elementsOut', owner, `delete element ${this.#table} ${set} { ${keys.join(', ')} }`);
    }
    for (const [set, entries] of bySet(added, written)) {
      this.#say('elementsIn', owner, `add element ${this.#table} ${set} { ${entries.join(', ')} }`);
    }
  }

  #chain(owner: string, name: string, old: NftChain | undefined, wanted: NftChain): void {
    const path = `${this.#table} ${name}`;
    const isSame =
      old !== undefined &&
      old.rules.length === wanted.rules.length &&
      old.rules.every((rule, at) => rule === wanted.rules[at]);
    if (isSame) return;
    if (old === undefined)
      this.#say('chains', owner, `add chain ${path}${wanted.hook === undefined ? '' : ` { ${wanted.hook} }`}`);
    else this.#say('rules', owner, `flush chain ${path}`);
    for (const rule of wanted.rules) this.#say('rules', owner, `add rule ${path} ${rule}`);
  }

  #say(stage: Stage, owner: string, text: string): void {
    this.#stages[stage].push({ owner, text });
  }
}

function written({ key, value }: NftElement): string {
  return value === undefined ? key : `${key} : ${value}`;
}

function bySet(elements: readonly NftElement[], write: (element: NftElement) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const element of elements) {
    const group = groups.get(element.set);
    if (group === undefined) groups.set(element.set, [write(element)]);
    else group.push(write(element));
  }
  return groups;
}

/** Whether an owner goes from the one to the other by the steps above. Where not (a set is declared otherwise, a chain hooked otherwise), the table is replaced. */
export function isGradual(before: NftFragment | undefined, after: NftFragment | undefined): boolean {
  const sets = (set: NftSet, other: NftSet): boolean =>
    set.kind === other.kind && set.declaration === other.declaration;
  const chains = (chain: NftChain, other: NftChain): boolean => chain.hook === other.hook;
  return agree(before?.sets, after?.sets, sets) && agree(before?.chains, after?.chains, chains);
}

function agree<T>(
  before: Readonly<Record<string, T>> = {},
  after: Readonly<Record<string, T>> = {},
  same: (a: T, b: T) => boolean,
): boolean {
  return Object.entries(after).every(([name, value]) => {
    const old = before[name];
    return old === undefined || same(old, value);
  });
}
