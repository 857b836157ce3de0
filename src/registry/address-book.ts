/**
 * IPAddresses: one object for each cluster address that a Service holds, named like the address, as upstream's allocator keeps them.
 *
 * ```
 *  new, changed   IPAddress of each new address ─▶ the Service ─▶ the IPAddresses of those it holds no more go
 *                        └─ the Service could not be written: they go again
 *  deleted        the Service ─▶ its IPAddresses go
 * ```
 * Kept true: of two Services that want one address, from whichever server, one makes its IPAddress. A crash in between leaves one too many,
 * or, where somebody deleted it, one too few: `putRight`, at each start, finds both. IPAddresses that others made are theirs, and what they
 * name is taken.
 */
import { invalidValue } from '../api/field-error.ts';
import type { KubeObject } from '../api/object.ts';
import type { Service } from '../api/schema/types/core-v1.ts';
import type { IPAddress } from '../api/schema/types/networking-v1.ts';
import { invalid } from '../api/status-error.ts';
import { type Clock, formatTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { type Prng, uuid } from '../lib/prng.ts';
import { type Entry, RevisionConflict, type Store, type StoreEvent, type StoreKey } from '../store/store.ts';

const collection = 'ipaddresses.networking.k8s.io';
const managedBy = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } as const;

export interface AddressBookOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

type Place = Pick<StoreKey, 'namespace' | 'name'>;

export class AddressBook {
  readonly #options: AddressBookOptions;

  constructor(options: AddressBookOptions) {
    this.#options = options;
  }

  /** Does somebody else hold it? */
  isTaken(address: string, own: Place): boolean {
    const entry = this.#options.store.get(keyOf(address));
    return entry !== undefined && !isOf(entry, own);
  }

  /**
   * Writes a Service (or anything else, which holds no address) with the addresses that it holds.
   * @throws what `write` does; StatusError Invalid where somebody else was faster to take an address
   */
  async holding<T>(
    key: StoreKey,
    next: KubeObject | undefined,
    old: KubeObject | undefined,
    write: () => Promise<T>,
  ): Promise<T> {
    if (key.collection !== 'services') return write();
    const [wanted, held] = [addressesOf(next), addressesOf(old)];
    const added = await this.#enter(
      key,
      wanted.filter((address) => !held.includes(address)),
    );
    try {
      const result = await write();
      await this.#strike(
        key,
        held.filter((address) => !wanted.includes(address)),
      );
      return result;
    } catch (error) {
      await this.#strike(key, added);
      throw error;
    }
  }

  /** After a start: each Service has its IPAddresses, and none is of a Service that holds it no more. From then on, what somebody deletes comes back. */
  async putRight(): Promise<void> {
    const { store, log } = this.#options;
    const held = new Map<string, StoreKey>();
    for (const { key, object } of store.list('services').entries) {
      for (const address of addressesOf(object)) held.set(address, key);
    }
    for (const entry of store.list(collection).entries) {
      if (!isManaged(entry)) continue;
      const holder = held.get(entry.key.name);
      if (holder !== undefined && isOf(entry, holder)) continue;
      log.warn('the address of a Service that does not hold it was given back', { address: entry.key.name });
      await this.#remove(entry);
    }
    for (const [address, key] of held) {
      if (store.get(keyOf(address)) !== undefined) continue;
      await this.#enter(key, [address]);
    }
    const event = ({ type, entry }: StoreEvent): void => {
      if (type === 'deleted') void this.#bringBack(entry);
    };
    store.watch({ collection, afterRevision: store.revision }, { event });
  }

  /** Where the Service is still there, and still holds the address, it was not this book that struck it out. */
  async #bringBack(entry: Entry): Promise<void> {
    const { store, log } = this.#options;
    const parent = (entry.object as IPAddress).spec.parentRef;
    const key: StoreKey = { collection: 'services', namespace: parent.namespace ?? '', name: parent.name };
    if (!isOf(entry, key) || !addressesOf(store.get(key)?.object).includes(entry.key.name)) return;
    log.warn('the address of a Service was deleted, and is brought back', { address: entry.key.name, ...key });
    await this.#enter(key, [entry.key.name]).catch((error: unknown) => {
      log.warn('the address of a Service could not be brought back', { address: entry.key.name, error });
    });
  }

  async #enter(key: StoreKey, addresses: readonly string[]): Promise<string[]> {
    const added: string[] = [];
    try {
      for (const address of addresses) {
        const standing = this.#options.store.get(keyOf(address));
        if (standing !== undefined && isOf(standing, key)) continue;
        const object = this.#newAddress(address, key);
        await this.#options.store.write({ kind: 'put', key: keyOf(address), object, expectedRevision: 0 });
        added.push(address);
      }
    } catch (error) {
      await this.#strike(key, added);
      throw error instanceof RevisionConflict ? alreadyAllocated(key, error.key.name) : error;
    }
    return added;
  }

  async #strike(key: StoreKey, addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      const entry = this.#options.store.get(keyOf(address));
      if (entry !== undefined && isManaged(entry) && isOf(entry, key)) await this.#remove(entry);
    }
  }

  /** One that cannot be removed now is found at the next start; the Service's own write was done. */
  async #remove({ key, revision }: Entry): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.write({ kind: 'delete', key, expectedRevision: revision });
    } catch (error) {
      if (!(error instanceof RevisionConflict)) log.warn('an address was not given back', { address: key.name, error });
    }
  }

  #newAddress(address: string, { namespace, name }: StoreKey): KubeObject {
    const { prng, clock } = this.#options;
    const family = address.includes(':') ? 'IPv6' : 'IPv4';
    const object: IPAddress = {
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: {
        name: address,
        uid: uuid(prng),
        creationTimestamp: formatTime(clock.now()),
        labels: { 'ipaddress.kubernetes.io/ip-family': family, ...managedBy },
      },
      spec: { parentRef: { resource: 'services', namespace, name } },
    };
    return object;
  }
}

function alreadyAllocated({ name }: StoreKey, address: string): Error {
  const why = `failed to allocate IP ${address}: provided IP is already allocated`;
  return invalid({ group: '', kind: 'Service', name }, [invalidValue('spec.clusterIPs', [address], why)]);
}

/** None is `None`'s. */
export function addressesOf(service: Service | undefined): readonly string[] {
  const { clusterIP, clusterIPs = clusterIP ? [clusterIP] : [] } = service?.spec ?? {};
  return clusterIPs.filter((address) => address !== '' && address !== 'None');
}

const keyOf = (address: string): StoreKey => ({ collection, namespace: '', name: address });

function isManaged({ object }: Entry): boolean {
  return Object.entries(managedBy).every(([name, value]) => object.metadata?.labels?.[name] === value);
}

function isOf({ object }: Entry, own: Place): boolean {
  const { group, resource, namespace, name } = (object as IPAddress).spec?.parentRef ?? {};
  return !group && resource === 'services' && namespace === own.namespace && name === own.name;
}
