/**
 * Cluster addresses and node ports of Services: which are free, and who takes them.
 *
 * What is taken is what the stored Services say, plus what requests under way have reserved. The compare-and-swap of the
 * store guards one object and not the uniqueness across objects; the reservations close that gap within one process: a value is
 * reserved from the moment it is chosen until its write is visible or has failed.
 *
 * Keeps true: no two Services hold one address, nor one node port, whatever the protocol.
 * Does not: agree with a second server on the same store; that takes allocation objects in the store.
 */
import type { Service, ServicePort } from '../api/schema/types/core-v1.ts';
import { internalError } from '../api/status-error.ts';
import { nextInt, type Prng } from '../lib/prng.ts';
import type { Store } from '../store/store.ts';

/** 10.43.0.0/16. The first address is the API's own; the lowest 256 are left to those who ask for a fixed one. */
const clusterNetwork = [10, 43] as const;
const staticAddressCount = 256;
const addressCount = 65_536;

export const nodePortRange = { first: 30_000, last: 32_767 } as const;
const staticNodePortCount = 86;

/** The address of the `kubernetes` Service. */
export const apiServiceAddress = addressAt(1);

export function addressAt(offset: number): string {
  return `${clusterNetwork[0]}.${clusterNetwork[1]}.${offset >> 8}.${offset & 255}`;
}

/** Is this one of ours to give? The network's own address and its broadcast address are not. */
export function isClusterAddress(address: string): boolean {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts[0] !== clusterNetwork[0] || parts[1] !== clusterNetwork[1]) return false;
  const offset = (parts[2] ?? 0) * 256 + (parts[3] ?? 0);
  return offset > 0 && offset < addressCount - 1 && addressAt(offset) === address;
}

/** What one request has taken. */
export interface Reservations {
  /** False where somebody else has it. */
  takeAddress(address: string): boolean;
  freeAddress(): string;
  takeNodePort(port: number): boolean;
  freeNodePort(): number;
  /** Gives all of them back: the write is visible, or failed. */
  release(): void;
}

export class ServiceAddresses {
  readonly #store: Store;
  readonly #prng: Prng;
  /** Values that requests under way have taken. */
  readonly #reserved = new Set<string>();

  constructor(options: { store: Store; prng: Prng }) {
    this.#store = options.store;
    this.#prng = options.prng;
  }

  /** For a write to `own`, whose present values count as free. */
  reserve(own: { readonly namespace: string; readonly name: string }): Reservations {
    const mine = new Set<string>();
    let taken: Set<string> | undefined;
    const isTaken = (value: string): boolean => {
      taken ??= this.#takenExcept(own);
      return taken.has(value) || this.#reserved.has(value);
    };
    const take = (value: string): boolean => {
      if (mine.has(value)) return true;
      if (isTaken(value)) return false;
      this.#reserved.add(value);
      mine.add(value);
      return true;
    };
    return {
      takeAddress: take,
      freeAddress: () => this.#freeAddress(take),
      takeNodePort: (port) => take(portKey(port)),
      freeNodePort: () => this.#freeNodePort((port) => !mine.has(portKey(port)) && take(portKey(port))),
      release: () => {
        for (const value of mine) this.#reserved.delete(value);
      },
    };
  }

  #freeAddress(take: (value: string) => boolean): string {
    const offset = this.#firstFree(staticAddressCount, addressCount - 1, (at) => take(addressAt(at)));
    const found = offset ?? firstFrom(2, staticAddressCount, (at) => take(addressAt(at)));
    if (found === undefined) throw internalError(new Error('failed to allocate a serviceIP: range is full'));
    return addressAt(found);
  }

  #freeNodePort(free: (port: number) => boolean): number {
    const { first, last } = nodePortRange;
    const found =
      this.#firstFree(first + staticNodePortCount, last + 1, free) ??
      firstFrom(first, first + staticNodePortCount, free);
    if (found === undefined) throw internalError(new Error('failed to allocate a nodePort: range is full'));
    return found;
  }

  /** From a random place on, round the end: neighbours in time are no neighbours in value, and the end is always found. */
  #firstFree(from: number, to: number, free: (value: number) => boolean): number | undefined {
    const start = from + nextInt(this.#prng, to - from);
    return firstFrom(start, to, free) ?? firstFrom(from, start, free);
  }

  #takenExcept(own: { readonly namespace: string; readonly name: string }): Set<string> {
    const taken = new Set<string>();
    for (const { key, object } of this.#store.list('services').entries) {
      if (key.namespace === own.namespace && key.name === own.name) continue;
      for (const value of valuesOf(object)) taken.add(value);
    }
    return taken;
  }
}

function firstFrom(from: number, to: number, free: (value: number) => boolean): number | undefined {
  for (let value = from; value < to; value++) if (free(value)) return value;
  return undefined;
}

function portKey(port: number): string {
  return `port/${port}`;
}

function valuesOf({ spec }: Service): string[] {
  const addresses = spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []);
  const ports = (spec?.ports ?? []).filter((port: ServicePort) => port.nodePort);
  const values = ports.map((port) => portKey(port.nodePort ?? 0));
  if (spec?.healthCheckNodePort) values.push(portKey(spec.healthCheckNodePort));
  return [...addresses, ...values];
}
