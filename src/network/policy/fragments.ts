/** Parts of the table that belong to no policy alone: what judges a pod, and the sets that rules ask. Pure. */
import type { NftElement, NftFragment } from '../kernel/nft-table.ts';
import { shortHash } from './peers.ts';
import { type Direction, families, namedPortSet } from './rules.ts';

export const directions: readonly Direction[] = ['ingress', 'egress'];

export const profileId = (chains: readonly string[]): string => shortHash(chains.join('\n'));
const profileChain = (id: string): string => `profile/${id}`;

/** One for all pods with the same policies: what none of them accepts is dropped. */
export function profileFragment(chains: readonly string[]): NftFragment {
  const rules = [...chains.map((chain) => `jump ${chain}`), 'drop'];
  return { chains: { [profileChain(profileId(chains))]: { rules } } };
}

export const namedPortSets = (key: string): NonNullable<NftFragment['sets']> =>
  Object.fromEntries(
    families.map(({ suffix }) => [
      namedPortSet(key, suffix),
      { kind: 'set', declaration: `type ipv${suffix}_addr . inet_service` } as const,
    ]),
  );

/** Of a pod of this node: also of one that is open, so that it is known. */
export function verdicts(
  { ip, suffix }: { readonly ip: string; readonly suffix: '4' | '6' },
  profiles: readonly (readonly string[])[],
): NftElement[] {
  const elements = profiles.map((chains, index) => ({
    set: `${directions[index]}${suffix}`,
    key: ip,
    value: chains.length === 0 ? 'accept' : `goto ${profileChain(profileId(chains))}`,
  }));
  const isIsolated = profiles.some((chains) => chains.length > 0);
  return isIsolated ? [...elements, { set: `self${suffix}`, key: `${ip} . ${ip}` }] : elements;
}

/** How many use a thing: who is the first makes it, and who is the last removes it. */
export class UseCounts {
  readonly #users = new Map<string, number>();

  has(key: string): boolean {
    return this.#users.has(key);
  }

  /** True for the first. */
  use(key: string): boolean {
    const users = this.#users.get(key) ?? 0;
    this.#users.set(key, users + 1);
    return users === 0;
  }

  /** True for the last. */
  release(key: string): boolean {
    const users = (this.#users.get(key) ?? 1) - 1;
    if (users > 0) this.#users.set(key, users);
    else this.#users.delete(key);
    return users === 0;
  }
}
