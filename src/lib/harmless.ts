/**
 * Texts of others as a terminal may show them: names, messages and statuses come from whoever may write to the cluster, and a terminal obeys
 * what stands in them. Pure.
 */

// oxlint-disable-next-line no-control-regex -- Control characters are what is looked for.
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Control characters as `^X`, so that a text cannot move the cursor or colour the screen. Line feeds and tabs stay. */
export function harmless(text: string): string {
  return text.replace(control, (unit) => {
    const code = unit.charCodeAt(0);
    return code < 32 ? `^${String.fromCharCode(code + 64)}` : code === 127 ? '^?' : '';
  });
}

/** The same in one line. */
export const harmlessLine = (text: string): string => harmless(text.replaceAll(/\s*[\r\n]+\s*/g, ' '));

/** The same for all texts within plain data. What occurs several times still is one thing. */
export function harmlessData<T>(value: T, done = new Map<object, unknown>()): T {
  if (typeof value === 'string') return harmless(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  const known = done.get(value);
  if (known !== undefined) return known as T;
  const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : {};
  done.set(value, copy);
  for (const [name, one] of Object.entries(value)) {
    const own = { value: harmlessData(one as unknown, done), enumerable: true, writable: true, configurable: true };
    Object.defineProperty(copy, name, own);
  }
  return copy as T;
}
