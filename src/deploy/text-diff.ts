/** Two texts as a unified diff with three lines around each change, as `diff -u` writes it. Pure. */

/** Work for very different texts is bounded: beyond it, everything counts as changed. */
const editsMax = 4_000;
const around = 3;

interface Line {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** Empty where both are the same. */
export function unifiedDiff(before: string, after: string, nameBefore: string, nameAfter: string): string {
  if (before === after) return '';
  const lines = comparedLines(linesOf(before), linesOf(after));
  return [`--- ${nameBefore}`, `+++ ${nameAfter}`, ...hunks(lines)].join('\n');
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

function comparedLines(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const same = (lines: readonly string[]): Line[] => lines.map((text) => ({ mark: ' ', text }));
  const middle = changes(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return [...same(a.slice(0, head)), ...middle, ...same(a.slice(a.length - tail))];
}

/** Myers' shortest edit script: for each number of edits the furthest place on each diagonal, then the way back. */
function changes(a: readonly string[], b: readonly string[]): Line[] {
  const trace = furthest(a, b);
  if (trace === undefined) {
    return [...a.map((text): Line => ({ mark: '-', text })), ...b.map((text): Line => ({ mark: '+', text }))];
  }
  const lines: Line[] = [];
  let [x, y] = [a.length, b.length];
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const reach = trace[edits - 1] as ReadonlyMap<number, number>;
    const diagonal = x - y;
    const down = diagonal === -edits || (diagonal !== edits && at(reach, diagonal - 1) < at(reach, diagonal + 1));
    const previous = down ? diagonal + 1 : diagonal - 1;
    const fromX = at(reach, previous);
    const startX = down ? fromX : fromX + 1;
    for (; x > startX; x--, y--) lines.push({ mark: ' ', text: a[x - 1] ?? '' });
    if (down) lines.push({ mark: '+', text: b[--y] ?? '' });
    else lines.push({ mark: '-', text: a[--x] ?? '' });
  }
  for (; x > 0; x--) lines.push({ mark: ' ', text: a[x - 1] ?? '' });
  return lines.reverse();
}

const at = (reach: ReadonlyMap<number, number>, diagonal: number): number => reach.get(diagonal) ?? -1;

/** How far one comes with 0, 1, 2, … edits; undefined beyond the bound. */
function furthest(a: readonly string[], b: readonly string[]): ReadonlyMap<number, number>[] | undefined {
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= Math.min(a.length + b.length, editsMax); edits++) {
    const now = new Map(reach);
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const down = diagonal === -edits || (diagonal !== edits && at(reach, diagonal - 1) < at(reach, diagonal + 1));
      let x = down ? at(reach, diagonal + 1) : at(reach, diagonal - 1) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      now.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) {
        trace.push(now);
        return trace;
      }
    }
    trace.push(now);
    reach = now;
  }
  return undefined;
}

function hunks(lines: readonly Line[]): string[] {
  const changed = lines.flatMap(({ mark }, index) => (mark === ' ' ? [] : [index]));
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const last = ranges.at(-1);
    if (last !== undefined && index - around <= last.to) last.to = Math.min(lines.length, index + around + 1);
    else ranges.push({ from: Math.max(0, index - around), to: Math.min(lines.length, index + around + 1) });
  }
  return ranges.flatMap(({ from, to }) => {
    const before = countOf(lines.slice(0, from), '-');
    const after = countOf(lines.slice(0, from), '+');
    const within = lines.slice(from, to);
    const [ofA, ofB] = [countOf(within, '-'), countOf(within, '+')];
    const header = `@@ -${before + (ofA > 0 ? 1 : 0)},${ofA} +${after + (ofB > 0 ? 1 : 0)},${ofB} @@`;
    return [header, ...within.map(({ mark, text }) => mark + text)];
  });
}

const countOf = (lines: readonly Line[], mark: '-' | '+'): number =>
  lines.filter((line) => line.mark === ' ' || line.mark === mark).length;
