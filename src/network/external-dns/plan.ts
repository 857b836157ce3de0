/**
 * What is to be changed in a zone: the difference between what is there and what is wanted. Pure.
 *
 * Kept true:
 * - Nothing is changed that is not said to be ours, and each change carries what must still be so for it (RFC 2136's prerequisites): whoever else writes
 *   into the zone at the same moment loses nothing.
 * - All of a name changes at once, with the TXT records that say whose it is, or nothing of it.
 * - A name that cannot be had is told, and holds up no other.
 */
import { recordTypes } from '../dns/wire.ts';
import { type Ownership, ownedBy, ownershipName, ownershipText, parseOwnership } from './ownership.ts';
import {
  isSameSet,
  type RecordSet,
  setOf,
  setText,
  typeName,
  type WrittenType,
  writtenTypes,
  type ZoneRecords,
} from './records.ts';
import type { ZoneSettings } from './settings.ts';

/** What must be so before a change. */
export type Prerequisite =
  /** Without a type: no record at all has the name. */
  | { readonly kind: 'absent'; readonly name: string; readonly type?: number }
  | { readonly kind: 'equals'; readonly set: RecordSet };

/** In this order, one after the other. */
export type Operation =
  | { readonly kind: 'remove'; readonly name: string; readonly type: number }
  | { readonly kind: 'add'; readonly set: RecordSet };

export interface Change {
  readonly name: string;
  readonly verb: 'create' | 'update' | 'delete';
  /** `ingress/default/app`: who asks for it, or did. */
  readonly resource: string;
  /** For people: what stands there afterwards. */
  readonly text: string;
  readonly prerequisites: readonly Prerequisite[];
  readonly operations: readonly Operation[];
}

/** One name as it should be. */
export interface WantedName {
  readonly name: string;
  readonly resource: string;
  /** Empty: nothing is known now, and what is there stays. */
  readonly sets: readonly RecordSet[];
}

export interface Refusal {
  readonly name: string;
  readonly resource: string;
  readonly message: string;
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly refusals: readonly Refusal[];
}

type Settings = Pick<ZoneSettings, 'owner' | 'policy' | 'txtPrefix' | 'zone'>;

/** Each name is wanted once. */
export function planZone(settings: Settings, zone: ZoneRecords, wanted: readonly WantedName[]): Plan {
  const changes: Change[] = [];
  const refusals: Refusal[] = [];
  for (const one of wanted) {
    if (one.sets.length === 0) continue;
    const look = new Look(settings, zone, one.name);
    const message = look.refusal(one.sets);
    if (message !== undefined) refusals.push({ name: one.name, resource: one.resource, message });
    else changes.push(...look.bring(one.sets, one.resource));
  }
  if (settings.policy === 'sync') {
    const names = new Set(wanted.map(({ name }) => name));
    for (const name of ownNames(settings, zone)) {
      if (!names.has(name)) changes.push(...new Look(settings, zone, name).bring([], ''));
    }
  }
  return { changes, refusals };
}

function ownNames(settings: Settings, zone: ZoneRecords): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name: txtName, values } of zone.ofType(recordTypes.TXT)) {
    if (values.some((value) => parseOwnership(value)?.owner === settings.owner)) {
      const owned = ownedBy(settings, txtName);
      if (owned !== undefined) names.add(owned.name);
    }
  }
  return names;
}

/** Records that a signed zone has beside a CNAME. */
const besideCname: ReadonlySet<number> = new Set([46, 47]);

/** One name in the zone as it is. */
class Look {
  readonly #settings: Settings;
  readonly #zone: ZoneRecords;
  readonly #name: string;

  constructor(settings: Settings, zone: ZoneRecords, name: string) {
    this.#settings = settings;
    this.#zone = zone;
    this.#name = name;
  }

  /** Why these cannot be written, in words. */
  refusal(sets: readonly RecordSet[]): string | undefined {
    const { zone } = this.#settings;
    const wantsCname = sets.some(isCname);
    if (wantsCname && this.#name === zone) return 'a zone itself can have no CNAME: give it addresses';
    const cut = this.#delegation();
    if (cut !== undefined) return `${cut} is delegated to other name servers`;
    for (const { type } of sets) {
      const message = this.#txtRefusal(nameOf(type));
      if (message !== undefined) return message;
    }
    const foreign = this.#zone.at(this.#name).find((set) => this.#isInTheWay(set, sets, wantsCname));
    return foreign && `it has a ${typeName(foreign.type)} record that is not of owner ${this.#settings.owner}`;
  }

  #isInTheWay({ type }: RecordSet, sets: readonly RecordSet[], wantsCname: boolean): boolean {
    const written = writtenTypes.find((one) => recordTypes[one] === type);
    if (written !== undefined && this.#own(written) !== undefined) return false;
    return type === recordTypes.CNAME || (wantsCname ? !besideCname.has(type) : sets.some((set) => set.type === type));
  }

  #txtRefusal(type: WrittenType): string | undefined {
    const txtName = ownershipName(this.#settings, this.#name, type);
    if (txtName === undefined)
      return 'the TXT record that says whose it is would be outside of the zone or too long: set txtPrefix, for example to %{record_type}-owner.';
    if (this.#zone.find(txtName, recordTypes.CNAME) !== undefined)
      return `${txtName} has a CNAME record, and can have no TXT record beside it`;
    const there = this.#zone.find(txtName, recordTypes.TXT);
    if (there === undefined || this.#own(type) !== undefined) return undefined;
    const [other] = there.values.flatMap((value) => parseOwnership(value) ?? []);
    return other === undefined
      ? `${txtName} has a TXT record that says something else`
      : `it belongs to owner ${other.owner}, for ${other.resource}`;
  }

  /** The name below which others answer. */
  #delegation(): string | undefined {
    const labels = this.#name.split('.');
    const depth = labels.length - this.#settings.zone.split('.').length;
    const above = Array.from({ length: depth }, (_, index) => labels.slice(index).join('.'));
    return above.find((name) => this.#zone.find(name, recordTypes.NS) !== undefined);
  }

  /** The TXT set that says that `type` of the name is ours, and what it says. */
  #own(type: WrittenType): { readonly set: RecordSet; readonly ownership: Ownership } | undefined {
    const txtName = ownershipName(this.#settings, this.#name, type);
    const set = txtName === undefined ? undefined : this.#zone.find(txtName, recordTypes.TXT);
    if (set === undefined || set.values.length !== 1) return undefined;
    const ownership = parseOwnership(set.values[0] as string);
    return ownership?.owner === this.#settings.owner ? { set, ownership } : undefined;
  }

  /** The change that leaves these, none or one. */
  bring(sets: readonly RecordSet[], resource: string): readonly Change[] {
    const parts = writtenTypes.map((type) => this.#part(type, sets, resource));
    const removals = parts.flatMap((part) => part.removals);
    const additions = parts.flatMap((part) => part.additions);
    if (removals.length + additions.length === 0) return [];
    const had = parts.find((part) => part.had !== undefined)?.had;
    const verb = sets.length === 0 ? 'delete' : had === undefined ? 'create' : 'update';
    const beside = additions.flatMap(({ set }) => besides(set, verb, removals));
    return [
      {
        name: this.#name,
        verb,
        resource: resource || (had ?? ''),
        text: sets.map(setText).join('; '),
        prerequisites: [...parts.flatMap((part) => part.prerequisites), ...beside],
        // Removals first: a CNAME and an address do not stand at one name for a moment.
        operations: [...removals, ...additions],
      },
    ];
  }

  #part(type: WrittenType, sets: readonly RecordSet[], resource: string): Part {
    const own = this.#own(type);
    const part: Part = { had: own?.ownership.resource, prerequisites: [], removals: [], additions: [] };
    if (own !== undefined) part.prerequisites.push({ kind: 'equals', set: own.set });
    const txtName = ownershipName(this.#settings, this.#name, type);
    if (txtName === undefined) return part;
    const wanted = sets.find((set) => set.type === recordTypes[type]);
    const text = ownershipText({ owner: this.#settings.owner, resource });
    this.#step(part, this.#name, recordTypes[type], wanted);
    this.#step(part, txtName, recordTypes.TXT, wanted && setOf(txtName, 'TXT', wanted.ttl, [text]));
    return part;
  }

  /** From one set to another, or to none. */
  #step(
    { had, prerequisites, removals, additions }: Part,
    name: string,
    type: number,
    set: RecordSet | undefined,
  ): void {
    const isOurs = had !== undefined;
    if (set === undefined ? !isOurs : isSameSet(this.#zone.find(name, type), set)) return;
    if (isOurs) removals.push({ kind: 'remove', name, type });
    else prerequisites.push({ kind: 'absent', name, type });
    if (set !== undefined) additions.push({ kind: 'add', set });
  }
}

/** What is to be done about one type of a name. */
interface Part {
  /** Who asked for it until now, where it is ours. */
  readonly had: string | undefined;
  readonly prerequisites: Prerequisite[];
  readonly removals: Extract<Operation, { kind: 'remove' }>[];
  readonly additions: Extract<Operation, { kind: 'add' }>[];
}

/** What must not be beside it: a server passes over a CNAME beside others, and others beside a CNAME, in silence. */
function besides({ name, type }: RecordSet, verb: Change['verb'], removals: Part['removals']): readonly Prerequisite[] {
  const absent = (...types: readonly number[]): Prerequisite[] =>
    types.map((one) => ({ kind: 'absent', name, type: one }));
  const isFreed = removals.some((one) => one.name === name && one.type === recordTypes.CNAME);
  if (type !== recordTypes.CNAME) return isFreed ? [] : absent(recordTypes.CNAME);
  // Nothing at all may be there; where our own records still are, nothing of what people put there.
  return verb === 'create' ? [{ kind: 'absent', name }] : absent(...besideAddresses);
}

const mailExchange = 15;
const { NS, TXT, SRV, SVCB, HTTPS, CAA } = recordTypes;
const besideAddresses: readonly number[] = [NS, mailExchange, TXT, SRV, SVCB, HTTPS, CAA];

const isCname = ({ type }: RecordSet): boolean => type === recordTypes.CNAME;

const nameOf = (type: number): WrittenType => writtenTypes.find((one) => recordTypes[one] === type) ?? 'A';
