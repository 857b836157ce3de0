/**
 * What packets have put into sets of a table (clients that stay with their endpoint), for when the table is made anew: it goes into the new one with what
 * is left of its time, in the same transaction. Pure.
 */
import type { NftSet } from './nft-table.ts';

/** As far as is needed here, what `nft -j list sets table …` says. */
interface Listed {
  readonly nftables?: readonly {
    readonly set?: { readonly name?: string; readonly elem?: readonly unknown[] };
  }[];
}

/** Are its elements what packets put there, for some time? */
export const isFilledByPackets = ({ declaration }: NftSet): boolean => /flags dynamic,\s*timeout/.test(declaration);

/** In one command: nft reads few long ones faster than many short ones. */
const elementsMax = 1000;

/** @param names of the sets of the new table that take them; what else is listed is forgotten. @throws SyntaxError where nft's answer is none */
export function keeping(table: string, names: ReadonlySet<string>, answer: string): string[] {
  const { nftables = [] } = JSON.parse(answer) as Listed;
  return nftables.flatMap(({ set }) => {
    const name = set?.name ?? '';
    if (!names.has(name)) return [];
    const elements = (set?.elem ?? []).flatMap(written);
    return chunks(elements).map((chunk) => `add element ${table} ${name} { ${chunk.join(', ')} }`);
  });
}

/** Addresses alone: what has no second left may go. */
function written(listed: unknown): string[] {
  const { elem } = listed as { readonly elem?: { readonly val?: unknown; readonly expires?: unknown } };
  const { val, expires } = elem ?? {};
  if (typeof val !== 'string' || !/^[0-9a-f.:]+$/.test(val)) return [];
  return Number.isSafeInteger(expires) && Number(expires) > 0 ? [`${val} expires ${Number(expires)}s`] : [];
}

const chunks = (elements: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(elements.length / elementsMax) }, (_, index) =>
    elements.slice(index * elementsMax, (index + 1) * elementsMax),
  );
