/**
 * What an action works with: the store to look at, the client to act through, chance to choose by. An action looks at what the store holds, never
 * at a memory of its own: an answer that got lost then confuses nobody.
 */
import type { KubeObject } from '../../../api/object.ts';
import type { Namespace, PodSpec } from '../../../api/schema/types/core-v1.ts';
import { hasReason } from '../../../api/status-error.ts';
import type { Client, ClientPatch, Resource } from '../../../client/client.ts';
import { namespaces, serviceAccounts } from '../../../client/resources.ts';
import { nextInt, type Prng } from '../../../lib/prng.ts';
import type { Store } from '../../../store/store.ts';
import { badImages } from '../images.ts';
import type { Room } from './room.ts';

export interface Action {
  readonly name: string;
  /** How often it is chosen, compared to the others. */
  readonly weight: number;
  readonly act: (world: World) => Promise<unknown>;
}

/** What users do with one kind of thing. A run has some families and not others, so that rare mixes come up. */
export interface Family {
  readonly name: string;
  readonly actions: readonly Action[];
  /** What must stand before users come. */
  readonly prepare?: (client: Client) => Promise<void>;
  /** Takes back what could not come to rest, over a client that nobody disturbs. */
  readonly settle?: (world: World, room: Room) => Promise<void>;
}

export interface WorldOptions {
  readonly client: Client;
  readonly store: Store;
  readonly prng: Prng;
  /** What is gone already is no error: for the end, when loops still work beside. */
  readonly forgiving?: boolean;
}

export const propagations = ['Background', 'Background', 'Foreground', 'Orphan'] as const;

export class World {
  readonly client: Client;
  readonly prng: Prng;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.client = options.client;
    this.prng = options.prng;
    this.#options = options;
  }

  forgiving(): World {
    return new World({ ...this.#options, forgiving: true });
  }

  all<T extends KubeObject>({ group, resource }: Resource<T>): readonly T[] {
    const collection = group === '' ? resource : `${resource}.${group}`;
    return this.#options.store.list(collection).entries.map(({ object }) => object as T);
  }

  /** Those that are not being deleted. */
  living<T extends KubeObject>(resource: Resource<T>): readonly T[] {
    return this.all(resource).filter((object) => !isDeleting(object));
  }

  /** Undefined where there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T | undefined {
    return choices[nextInt(this.prng, choices.length)];
  }

  /** From a list that is never empty. */
  oneOf<const L extends readonly [unknown, ...unknown[]]>(choices: L): L[number] {
    return choices[nextInt(this.prng, choices.length)];
  }

  pickOf<T extends KubeObject>(resource: Resource<T>, fits: (object: T) => boolean = () => true): T | undefined {
    return this.pick(this.living(resource).filter(fits));
  }

  /** Where users work: not in the cluster's own namespaces, nor in one so new that pods have no account there yet. */
  get namespace(): string {
    const ready = new Set(this.all(serviceAccounts).map(({ metadata }) => metadata?.namespace));
    const own = this.living(namespaces).filter(
      (namespace) => isUsers(namespace) && ready.has(namespace.metadata?.name),
    );
    return this.pick(own)?.metadata?.name ?? 'default';
  }

  /** Makes `object`, unless there are `most` of its kind. */
  async create<T extends KubeObject>(resource: Resource<T>, most: number, object: () => T | undefined): Promise<void> {
    if (this.all(resource).length >= most) return;
    const made = object();
    if (made !== undefined) await this.client.create(resource, made);
  }

  async patch<T extends KubeObject>(resource: Resource<T>, object: T | undefined, body: object): Promise<void> {
    const patch: ClientPatch = { type: 'strategic', body };
    if (object !== undefined) await this.#unlessGone(this.client.patch(resource, referenceOf(object), patch));
  }

  /** Without a policy: any of them. */
  async delete<T extends KubeObject>(
    resource: Resource<T>,
    object: T | undefined,
    policies: readonly (typeof propagations)[number][] = propagations,
  ): Promise<void> {
    const propagationPolicy = this.pick(policies) ?? 'Background';
    if (object === undefined) return;
    await this.#unlessGone(this.client.delete(resource, referenceOf(object), { propagationPolicy }));
  }

  below(limit: number): number {
    return nextInt(this.prng, limit);
  }

  /** One time in `count`. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  async #unlessGone(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.#options.forgiving || !hasReason(error, 'NotFound')) throw error;
    }
  }
}

export const isDeleting = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;
export const isUsers = (namespace: Namespace): boolean => namespace.metadata?.name === 'default' || isTeam(namespace);
export const isTeam = ({ metadata }: Namespace): boolean => metadata?.name?.startsWith('team-') === true;
export const isBare = (object: KubeObject): boolean => (object.metadata?.ownerReferences?.length ?? 0) === 0;
export const imageOf = (spec: PodSpec | undefined): string => spec?.containers[0]?.image ?? '';
export const hasBadImage = (spec: PodSpec | undefined): boolean =>
  (badImages as readonly string[]).includes(imageOf(spec));
export const withImage = (image: string): object => ({
  spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
});

export function referenceOf({ metadata }: KubeObject): { readonly namespace: string; readonly name: string } {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
}
