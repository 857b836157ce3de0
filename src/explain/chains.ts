/** A tree of findings as the ways through it. Pure. */
import type { Finding } from './finding.ts';

/** One way: the object that was asked about first, the cause last. */
export type Chain = readonly Finding[];

/** All ways from a finding to its causes; notes lead nowhere. */
export function chainsOf(one: Finding): readonly Chain[] {
  const causes = one.causes.filter(({ severity }) => severity !== 'note');
  if (causes.length === 0) return [[one]];
  return causes.flatMap((cause) => chainsOf(cause).map((chain) => [one, ...chain]));
}
