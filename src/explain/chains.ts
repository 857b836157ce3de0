/** A tree of findings as the ways through it. Pure. */
import type { Finding } from './finding.ts';

/** One way: the object that was asked about first, the cause last. */
export type Chain = readonly Finding[];

const keyOf = (finding: Finding | undefined): string =>
  JSON.stringify([finding?.subject, finding?.code, finding?.what]);

/** Of the ways that end at the same cause the first, with where the others begin. */
export function byCause(
  chains: readonly Chain[],
): readonly { readonly chain: Chain; readonly likewise: readonly Finding[] }[] {
  const found = new Map<string, { readonly chain: Chain; readonly likewise: Finding[] }>();
  for (const chain of chains) {
    const key = keyOf(chain.at(-1));
    const first = found.get(key);
    const [begin] = chain;
    if (first === undefined) found.set(key, { chain, likewise: [] });
    else if (begin !== undefined && keyOf(begin) !== keyOf(first.chain[0])) first.likewise.push(begin);
  }
  return [...found.values()];
}

/** All ways from a finding to its causes; notes lead nowhere. */
export function chainsOf(one: Finding): readonly Chain[] {
  const causes = one.causes.filter(({ severity }) => severity !== 'note');
  if (causes.length === 0) return [[one]];
  return causes.flatMap((cause) => chainsOf(cause).map((chain) => [one, ...chain]));
}
