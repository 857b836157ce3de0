/**
 * Which part of the cluster's range is whose. Pure but for its own memory: a cluster range is cut into parts of one size, numbered from 0;
 * one is free or taken.
 *
 * ```
 *  10.42.0.0/16 in parts of /24:  0 = 10.42.0.0/24   1 = 10.42.1.0/24  …  255
 * ```
 * What a node brought along takes every part that it touches; two nodes may hold one part then, and it is free when both have gone.
 */
import { BlockList, isIPv4 } from 'node:net';

/** The part's prefix length, by family; as upstream's `--node-cidr-mask-size-ipv4` and `-ipv6`. */
const partBits = { 4: 24, 6: 64 } as const;
/** Upstream refuses ranges of more parts than this in IPv6: 2^16. */
const partsMaxBits = 16;

interface Range {
  readonly address: bigint;
  readonly bits: number;
}

/** No part at all. */
const nowhere = { first: 0, last: -1 };

export class NodeRanges {
  readonly family: 4 | 6;
  readonly #base: Range;
  readonly #size: number;
  readonly #count: number;
  /** How many nodes hold each part that is taken. */
  readonly #taken = new Map<number, number>();
  #next = 0;
  /** How many parts `free` looked at last. */
  tries = 0;

  /** @throws Error for what is no range, or none that can be cut so. */
  constructor(cidr: string) {
    this.family = isIPv4(cidr.split('/')[0] ?? '') ? 4 : 6;
    this.#base = parse(cidr, this.family);
    this.#size = Math.max(partBits[this.family], this.#base.bits);
    const countBits = this.#size - this.#base.bits;
    if (countBits > partsMaxBits)
      throw new Error(`the range ${cidr} is too large: at most /${this.#size - partsMaxBits}`);
    this.#count = 2 ** countBits;
  }

  /** The parts that `cidr` touches; none where it lies elsewhere. */
  #partsOf(cidr: string): { readonly first: number; readonly last: number } {
    if (isIPv4(cidr.split('/')[0] ?? '') !== (this.family === 4)) return nowhere;
    const { address, bits } = parse(cidr, this.family);
    const width = this.family === 4 ? 32 : 128;
    const step = 1n << BigInt(width - this.#size);
    const end = address + (1n << BigInt(width - bits)) - 1n;
    const first = (address - this.#base.address) / step;
    const last = (end - this.#base.address) / step;
    if (end < this.#base.address || first >= BigInt(this.#count)) return nowhere;
    return { first: Math.max(0, Number(first)), last: Math.min(this.#count - 1, Number(last)) };
  }

  get count(): number {
    return this.#count;
  }

  get takenCount(): number {
    return this.#taken.size;
  }

  occupy(cidr: string): void {
    const { first, last } = this.#partsOf(cidr);
    for (let part = first; part <= last; part++) {
      this.#taken.set(part, (this.#taken.get(part) ?? 0) + 1);
    }
  }

  release(cidr: string): void {
    const { first, last } = this.#partsOf(cidr);
    for (let part = first; part <= last; part++) {
      const left = (this.#taken.get(part) ?? 0) - 1;
      if (left > 0) this.#taken.set(part, left);
      else this.#taken.delete(part);
    }
  }

  /** A free part, the next after the last that was given; undefined where all are taken. */
  free(): string | undefined {
    for (let tried = 0; tried < this.#count; tried++) {
      this.tries = tried + 1;
      const part = (this.#next + tried) % this.#count;
      if (this.#taken.has(part)) continue;
      this.#next = (part + 1) % this.#count;
      return this.#nameOf(part);
    }
    return undefined;
  }

  #nameOf(part: number): string {
    const width = this.family === 4 ? 32 : 128;
    const address = this.#base.address + (BigInt(part) << BigInt(width - this.#size));
    return `${format(address, this.family)}/${this.#size}`;
  }
}

function parse(cidr: string, family: 4 | 6): Range {
  const [address = '', length = ''] = cidr.split('/');
  const width = family === 4 ? 32 : 128;
  const bits = Number(length);
  // Throws for what is no address.
  new BlockList().addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  const host = BigInt(width - bits);
  return { address: (numberOf(address, family) >> host) << host, bits };
}

function numberOf(address: string, family: 4 | 6): bigint {
  if (family === 4) return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function format(address: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((address >> BigInt(16 * (7 - index))) & 65_535n).toString(16),
  ).join(':');
  return new URL(`http://[${groups}]/`).hostname.slice(1, -1);
}
