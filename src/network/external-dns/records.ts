/**
 * Names and sets of records as this folder passes them round. Pure.
 *
 * Names are in lower case without the last dot, as `../dns/wire.ts` reads them. Values are texts that are equal where the records are: addresses in their
 * canonical form, names, the whole text of a TXT record. Of types that nothing here is decided by, values are empty.
 */
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { recordTypes } from '../dns/wire.ts';

/** What is written for users; TXT beside it says whose it is. */
export const writtenTypes = ['A', 'AAAA', 'CNAME'] as const;
export type WrittenType = (typeof writtenTypes)[number];

export interface RecordSet {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  /** In order, each once. */
  readonly values: readonly string[];
}

/** What is known of a zone: its sets, by name and type. */
export class ZoneRecords {
  readonly #names = new Map<string, Map<number, RecordSet>>();

  add(name: string, type: number, ttl: number, value: string): void {
    const sets = this.#names.get(name) ?? new Map<number, RecordSet>();
    this.#names.set(name, sets);
    const values = new Set([...(sets.get(type)?.values ?? []), value]);
    sets.set(type, { name, type, ttl, values: [...values].sort() });
  }

  find(name: string, type: number): RecordSet | undefined {
    return this.#names.get(name)?.get(type);
  }

  at(name: string): readonly RecordSet[] {
    return [...(this.#names.get(name)?.values() ?? [])];
  }

  *ofType(type: number): Generator<RecordSet> {
    for (const sets of this.#names.values()) {
      const set = sets.get(type);
      if (set !== undefined) yield set;
    }
  }
}

export const setOf = (name: string, type: WrittenType | 'TXT', ttl: number, values: readonly string[]): RecordSet => ({
  name,
  type: recordTypes[type],
  ttl,
  values: [...new Set(values)].sort(),
});

export const isSameSet = (left: RecordSet | undefined, right: RecordSet): boolean =>
  left?.ttl === right.ttl && left.values.join('\n') === right.values.join('\n');

/** The sets that targets make. A name with addresses has no CNAME, and no name has two: the first is taken. */
export function targetSets(name: string, ttl: number, targets: readonly string[]): readonly RecordSet[] {
  const addresses = targets.flatMap((target) => canonicalIp(target) ?? []);
  const ofFamily = (type: WrittenType, family: 'IPv4' | 'IPv6'): RecordSet[] => {
    const values = addresses.filter((address) => address.family === family).map(({ text }) => text);
    return values.length === 0 ? [] : [setOf(name, type, ttl, values)];
  };
  if (addresses.length > 0) return [...ofFamily('A', 'IPv4'), ...ofFamily('AAAA', 'IPv6')];
  const [host] = targets.map(plainName).sort();
  return host === undefined ? [] : [setOf(name, 'CNAME', ttl, [host])];
}

export const plainName = (text: string): string => text.trim().toLowerCase().replace(/\.$/, '');

/** A name that records may be written for: with underscores, and a wildcard in front. */
export function isWritableName(name: string): boolean {
  const isShort = name.length > 0 && name.length <= 253;
  return (
    isShort &&
    /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(name)
  );
}

export const isWithin = (name: string, zone: string): boolean => name === zone || name.endsWith(`.${zone}`);

const namesOfTypes = new Map<number, string>(Object.entries(recordTypes).map(([name, type]) => [type, name]));

export const typeName = (type: number): string => namesOfTypes.get(type) ?? `TYPE${type}`;

export const setText = ({ type, values }: RecordSet): string => `${typeName(type)} ${values.join(', ')}`;
