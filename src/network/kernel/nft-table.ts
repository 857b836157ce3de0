/**
 * One table of nftables as a value: what is in it is said in fragments, each with an owner (a Service, a policy, …), and the keeper brings the kernel to it
 * by the difference, in one transaction, whatever the number of owners. Each part of the network has a table of its own.
 *
 * ```
 *   set(owner, fragment) ─┐
 *   set(owner, undefined) ┼─▶ difference to what the kernel has ──▶ one transaction on a lasting `nft -i` ──▶ applied, or refused
 *   base (chains, sets)  ─┘                                             refused: halved until the fragment at fault is found, and told
 * ```
 */

/** A chain: the text of its rules, in order, in nft's language, without the surrounding braces. */
export interface NftChain {
  /** `type nat hook prerouting priority dstnat; policy accept;` for base chains. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** A set or a map of the base, into which fragments put elements. */
export interface NftSet {
  readonly kind: 'set' | 'map';
  /** `type ipv4_addr . inet_proto . inet_service : verdict` and, where needed, `flags interval; auto-merge`. */
  readonly declaration: string;
}

export interface NftElement {
  readonly set: string;
  readonly key: string;
  /** Of maps. */
  readonly value?: string;
}

/**
 * What one owner has in the table. Chains' and sets' names are the owner's own; elements go to any set of the table, and verdicts lead to any chain,
 * also of other owners (policy/ needs it: an address is an element of the sets that policies share). Who refers to what goes away is set anew before
 * the same `apply`. No two owners put the same key into a set.
 */
export interface NftFragment {
  readonly chains?: Readonly<Record<string, NftChain>>;
  readonly sets?: Readonly<Record<string, NftSet>>;
  readonly elements?: readonly NftElement[];
}

export interface NftBase {
  readonly family: 'inet' | 'ip' | 'ip6' | 'netdev' | 'bridge';
  readonly name: string;
  readonly sets: Readonly<Record<string, NftSet>>;
  readonly chains: Readonly<Record<string, NftChain>>;
}

export interface NftRefusal {
  readonly owner: string;
  /** nft's words. */
  readonly message: string;
}

export interface NftTable {
  /** Replaces what the owner has; undefined removes it. Takes effect with the next `apply`. */
  set(owner: string, fragment: NftFragment | undefined): void;
  /** Replaces the base, where something in it depends on settings. */
  setBase(base: NftBase): void;
  /**
   * Resolves when the kernel has all that was set before the call; calls made meanwhile share the next transaction. What was refused is left out, told, and tried
   * again only when its owner sets something else.
   */
  apply(): Promise<readonly NftRefusal[]>;
}
