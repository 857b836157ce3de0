/** Numbers that users write as they are or as a share of something. Pure. */

/** `value` itself, or that percentage of `total`, rounded by `round`; what is neither counts as none. */
export function scaled(value: number | string, total: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
}
