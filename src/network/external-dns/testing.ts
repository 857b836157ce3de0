/** For tests of names outside: a zone in few words, a name server's own reading of an update (RFC 2136, section 3), and wishes as lines. */
import { recordTypes } from '../dns/wire.ts';
import type { Wish } from './annotations.ts';
import { askerText } from './annotations.ts';
import type { Change, Operation, Prerequisite } from './plan.ts';
import { type RecordSet, typeName, ZoneRecords } from './records.ts';

/** Lines `name TYPE value`, with a TTL behind the name where it is not 300: `www 60 A 192.0.2.1`. Names are of example.com. */
export function zoneOf(...lines: readonly string[]): ZoneRecords {
  const zone = new ZoneRecords();
  for (const line of lines) {
    const [, name = '', ttl = '300', type = '', value = ''] = /^(\S+)(?: (\d+))? ([A-Z]+) (.*)$/.exec(line) ?? [];
    zone.add(fullName(name), recordTypes[type as keyof typeof recordTypes] ?? 0, Number(ttl), value);
  }
  return zone;
}

export const fullName = (name: string): string => (name === '@' ? 'example.com' : `${name}.example.com`);

/** The zone's records as such lines, in order. */
export function linesOf(zone: ZoneRecords): readonly string[] {
  return Object.values(recordTypes)
    .flatMap((type) => [...zone.ofType(type)])
    .flatMap(setLines)
    .sort();
}

function setLines({ name, ttl, type, values }: RecordSet): readonly string[] {
  const short = name === 'example.com' ? '@' : name.replace(/\.example\.com$/, '');
  return values.map((value) => `${short} ${ttl === 300 ? '' : `${ttl} `}${typeName(type)} ${value}`);
}

/** What the zone is after the change. @throws Error where a prerequisite does not hold, or the server would pass over something in silence */
export function applied(zone: ZoneRecords, { prerequisites, operations }: Change): ZoneRecords {
  for (const one of prerequisites) if (!holds(zone, one)) throw new Error(`prerequisite ${JSON.stringify(one)}`);
  return operations.reduce(withOperation, zone);
}

function holds(zone: ZoneRecords, prerequisite: Prerequisite): boolean {
  if (prerequisite.kind === 'equals') {
    const { name, type, values } = prerequisite.set;
    return zone.find(name, type)?.values.join('\n') === values.join('\n');
  }
  const { name, type } = prerequisite;
  return type === undefined ? zone.at(name).length === 0 : zone.find(name, type) === undefined;
}

function withOperation(zone: ZoneRecords, operation: Operation): ZoneRecords {
  const result = new ZoneRecords();
  const isGone = ({ name, type }: RecordSet): boolean =>
    operation.kind === 'remove' && operation.name === name && operation.type === type;
  const sets = Object.values(recordTypes).flatMap((type) => [...zone.ofType(type)]);
  for (const set of sets.filter((one) => !isGone(one))) addAll(result, set);
  if (operation.kind === 'add') {
    const others = zone.at(operation.set.name).filter(({ type }) => type !== operation.set.type);
    const isCname = operation.set.type === recordTypes.CNAME;
    if (others.some(({ type }) => isCname || type === recordTypes.CNAME)) throw new Error('a CNAME beside others');
    addAll(result, operation.set);
  }
  return result;
}

function addAll(zone: ZoneRecords, { name, type, ttl, values }: RecordSet): void {
  for (const value of values) zone.add(name, type, ttl, value);
}

/** `name → targets (who)`, in order. */
export const wishLines = (wishes: readonly Wish[]): readonly string[] =>
  wishes.map(({ name, targets, asker }) => `${name} → ${targets.join(' ')} (${askerText(asker)})`).sort();
