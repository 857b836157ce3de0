/**
 * Cluster addresses and node ports of Services: which are free, and who takes them.
 *
 * What is taken is what the stored Services say, plus what requests under way have reserved. The compare-and-swap of the
 * store guards one object and not the uniqueness across objects; the reservations close that gap within one process: a value is
 * reserved from the moment it is chosen until its write is visible or has failed.
 *
 * Keeps true: no two Services hold one address, nor one node port, whatever the protocol. Where addresses come from: `service-ranges.ts`;
 * the objects that show who holds them: `address-book.ts`.
 * Does not: agree on node ports with a second server on the same store; that takes allocation objects in the store.
 */
import type { IPFamily, Service, ServicePort } from '../api/schema/types/core-v1.ts';
import { internalError } from '../api/status-error.ts';
import { familyOf } from '../lib/ip-addresses.ts';
import { nextInt, type Prng } from '../lib/prng.ts';
import type { Store } from '../store/store.ts';
import { type AddressBook, addressesOf } from './address-book.ts';
import type { AddressRange, ServiceRanges } from './service-ranges.ts';

export const nodePortRange = { first: 30_000, last: 32_767 } as const;
const staticNodePortCount = 86;

/** What one request has taken. */
export interface Reservations {
  /** Why an address that somebody asks for cannot be had; undefined: it is taken now. */
  takeAddress(address: string): string | undefined;
  /** @throws StatusError InternalError where none is left */
  freeAddress(family: IPFamily): string;
  takeNodePort(port: number): boolean;
  freeNodePort(): number;
  /** Gives all of them back: the write is visible, or failed. */
  release(): void;
}

export class ServiceAddresses {
  readonly #store: Store;
  readonly #prng: Prng;
  readonly #book: AddressBook;
  readonly #ranges: ServiceRanges;
  /** Values that requests under way have taken. */
  readonly #reserved = new Set<string>();

  constructor(options: { store: Store; prng: Prng; book: AddressBook; ranges: ServiceRanges }) {
    this.#store = options.store;
    this.#prng = options.prng;
    this.#book = options.book;
    this.#ranges = options.ranges;
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
    const takeAddress = (address: string): boolean => !this.#book.isTaken(address, own) && take(address);
    return {
      takeAddress: (address) => {
        if (!this.#isOurs(address)) return 'the provided network does not match the current range';
        return takeAddress(address) ? undefined : 'provided IP is already allocated';
      },
      freeAddress: (family) => this.#freeAddress(family, takeAddress),
      takeNodePort: (port) => take(portKey(port)),
      freeNodePort: () => this.#freeNodePort((port) => !mine.has(portKey(port)) && take(portKey(port))),
      release: () => {
        for (const value of mine) this.#reserved.delete(value);
      },
    };
  }

  /** Neither a network's own address nor IPv4's broadcast address is one to give. */
  #isOurs(text: string): boolean {
    const family = familyOf(text);
    return family !== undefined && this.#ranges.of(family).some((range) => range.has(text));
  }

  #freeAddress(family: IPFamily, take: (value: string) => boolean): string {
    for (const range of this.#ranges.of(family)) {
      const found = this.#freeWithin(range, (offset) => take(range.addressAt(offset)));
      if (found !== undefined) return range.addressAt(found);
    }
    throw internalError(new Error('failed to allocate a serviceIP: range is full'));
  }

  #freeWithin({ firstChosen, lastChosen }: AddressRange, free: (offset: number) => boolean): number | undefined {
    if (lastChosen < 1) return undefined;
    return (
      this.#firstFree(firstChosen, lastChosen + 1, free) ?? firstFrom(1, Math.min(firstChosen, lastChosen + 1), free)
    );
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
    if (from >= to) return undefined;
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

function valuesOf(service: Service): string[] {
  const { spec } = service;
  const ports = (spec?.ports ?? []).filter((port: ServicePort) => port.nodePort);
  const values = ports.map((port) => portKey(port.nodePort ?? 0));
  if (spec?.healthCheckNodePort) values.push(portKey(spec.healthCheckNodePort));
  return [...addressesOf(service), ...values];
}
