/** The kernel's small text files of figures: one number, or lines of a name and a number. Pure. */

export type Keyed = ReadonlyMap<string, number>;

/** `rss 4096\ncache 0`; lines of another form are left out. */
export function parseKeyed(text: string): Keyed {
  const figures = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+)\s+(\d+)$/.exec(line) ?? [];
    if (key !== undefined) figures.set(key, Number(value));
  }
  return figures;
}

/** Undefined where it is no number, as the `max` of cgroup v2. */
export function parseFigure(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** Cgroup v1 writes "no limit" as the largest number of whole pages. */
const unlimitedFrom = 2 ** 62;

/** Undefined: nothing limits it. */
export function parseLimit(text: string | undefined): number | undefined {
  const figure = parseFigure(text);
  return figure === undefined || figure < 0 || figure >= unlimitedFrom ? undefined : figure;
}

export function countLines(text: string): number {
  return text.split('\n').filter((line) => line !== '').length;
}
