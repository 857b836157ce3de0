/**
 * The Secrets and ConfigMaps that plans name, read and checked once for each version, held in memory alone.
 *
 * ```
 *  on a node, which may not list them:
 *  translate(…) asks for certificate(default/web) ─▶ followed by name from now on ─▶ pending ─▶ `changed` ─▶ translated again: found
 *  what a whole translation did not ask for       ─▶ forgotten
 * ```
 */
import type { KubeObject, ObjectReference } from '../../api/object.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import { keyOf, NamedObjects, type NamedState } from '../../client/named-objects.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import { authoritiesOf, certificateOf, usersOf } from './certificate-facts.ts';
import type { CertificateFacts, Found, NamedObjectSource } from './translator.ts';

export interface GatewaySecretsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Something that was asked for is known now, or changed: translate again. */
  readonly changed: () => void;
}

export type FindNamed = <O extends KubeObject>(resource: Resource<O>, reference: ObjectReference) => NamedState<O>;

/** What was read from an object, for as long as the object is this one. */
type Readings = Map<string, Found<unknown>>;

export class NamedReadings implements NamedObjectSource {
  readonly #find: FindNamed;
  readonly #readings = new WeakMap<KubeObject, Readings>();

  constructor(find: FindNamed) {
    this.#find = find;
  }

  certificate(reference: ObjectReference): Found<CertificateFacts> {
    return this.#read(secrets, reference, 'certificate', certificateOf);
  }

  authorities(kind: 'Secret' | 'ConfigMap', reference: ObjectReference): Found<string> {
    if (kind === 'Secret')
      return this.#read(secrets, reference, 'authorities', (secret) => authoritiesOf(secret, true));
    return this.#read(configMaps, reference, 'authorities', (map) => authoritiesOf(map, false));
  }

  users(reference: ObjectReference, form: 'auth-file' | 'auth-map'): Found<readonly string[]> {
    return this.#read(secrets, reference, form, (secret) => usersOf(secret, form));
  }

  #read<O extends ConfigMap | Secret, T>(
    resource: Resource<O>,
    reference: ObjectReference,
    what: string,
    read: (object: O) => Found<T>,
  ): Found<T> {
    const state = this.#find(resource, reference);
    if (state.kind !== 'found') return state;
    const known: Readings = this.#readings.get(state.object) ?? new Map<string, Found<unknown>>();
    this.#readings.set(state.object, known);
    const before = known.get(what) as Found<T> | undefined;
    if (before !== undefined) return before;
    const reading = read(state.object);
    known.set(what, reading);
    return reading;
  }
}

/** A node's. */
export class GatewaySecrets {
  readonly #objects: NamedObjects;
  readonly #readings: NamedReadings;
  #asked = new Set<string>();

  constructor(options: GatewaySecretsOptions) {
    this.#objects = new NamedObjects(options);
    this.#readings = new NamedReadings((resource, reference) => {
      this.#asked.add(keyOf(resource, reference));
      return this.#objects.get(resource, reference);
    });
  }

  /** A translation with all it asks for; what none asks for any more is forgotten. */
  during<T>(translate: (named: NamedObjectSource) => T): T {
    this.#asked = new Set();
    const result = translate(this.#readings);
    this.#objects.keep(this.#asked);
    return result;
  }

  /** All that the last translation asked for is known: it has its certificates, or they are not there. */
  get isSettled(): boolean {
    return this.#objects.isSettled;
  }

  get size(): number {
    return this.#objects.size;
  }

  close(): Promise<void> {
    return this.#objects.close();
  }
}
