/** Short names for contents: the same content has the same hash, in every process and at all times. Pure. */

/** FNV-1a, 32 bits, of the value's canonical JSON and of how often its hash was taken already, in the alphabet of generated names. */
export function contentHash(value: unknown, collisionCount: number): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${canonical(value)}/${collisionCount}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from(String(hash >>> 0), (digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}

const canonical = (value: unknown): string => JSON.stringify(sortedByName(value)) ?? 'null';

/** The same value with the fields of all its objects in the order of their names: equal values have equal JSON. */
export function sortedByName(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedByName);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, sortedByName(field)]));
}
