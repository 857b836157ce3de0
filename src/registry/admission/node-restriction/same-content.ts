/**
 * Do two values say the same, as upstream compares objects that it has decoded? There, a field that is absent, empty or null is one. Pure.
 *
 * Not for labels and annotations: there, a key without a value is a key.
 */

export function sameContent(left: unknown, right: unknown): boolean {
  return left === right || (isEmpty(left) && isEmpty(right)) || sameFields(left, right);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}

function sameFields(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  if (Array.isArray(left) && Array.isArray(right) && left.length !== right.length) return false;
  return differing(left, right).length === 0;
}

/** The fields in which two objects differ. */
export function differing(left: object, right: object): string[] {
  const a = new Map<string, unknown>(Object.entries(left));
  const b = new Map<string, unknown>(Object.entries(right));
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => !sameContent(a.get(key), b.get(key)));
}
