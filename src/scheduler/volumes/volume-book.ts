/**
 * Claims and volumes as decisions see them: what the informers tell, and over it what was assumed for pods on their way, until the informers
 * tell that, too, or it is taken back.
 *
 * Kept true: an assumed form stands only over the version that it was made from or an older one; what the server says later wins.
 */

import { type KubeObject, objectKey } from '../../api/object.ts';
import { classNameOf, selectedNode, volumeBoundTo } from '../../api/persistent-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from '../../api/schema/types/storage-v1.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Reservation } from '../framework/plugin.ts';
import { areBound, type Written } from './binding-check.ts';
import type { Placement, VolumePlan, VolumeReader } from './volume-reader.ts';

export interface VolumeInformers {
  readonly pods: Informer<Pod>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly drivers: Informer<CSIDriver>;
  readonly csiNodes: Informer<CSINode>;
  readonly capacities: Informer<CSIStorageCapacity>;
  readonly attachments: Informer<VolumeAttachment>;
}

interface Assumed<T> {
  readonly base: T;
  readonly form: T;
}

/** As upstream's binder asks. */
const checkEveryMs = 1000;

export class VolumeBook implements VolumeReader {
  readonly #informers: VolumeInformers;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #volumes = new Map<string, Assumed<PersistentVolume>>();
  readonly #claims = new Map<string, Assumed<PersistentVolumeClaim>>();

  constructor(informers: VolumeInformers, client: Client, clock: Clock) {
    this.#informers = informers;
    this.#client = client;
    this.#clock = clock;
    informers.volumes.addIndex('class', (volume) => [classNameOf(volume)]);
    informers.capacities.addIndex('class', ({ storageClassName }) => [storageClassName]);
    informers.attachments.addIndex('node', ({ spec }) => [spec?.nodeName ?? '']);
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return current(this.#claims, `${namespace}/${name}`, this.#informers.claims.cache.get({ namespace, name }));
  }

  volume(name: string): PersistentVolume | undefined {
    return current(this.#volumes, name, this.#informers.volumes.cache.byKey(name));
  }

  volumesOfClass(name: string): readonly PersistentVolume[] {
    const listed = this.#informers.volumes.cache.byIndex('class', name);
    if (this.#volumes.size === 0) return listed;
    return listed.map((volume) => current(this.#volumes, objectKey(volume), volume) ?? volume);
  }

  storageClass(name: string): StorageClass | undefined {
    return this.#informers.classes.cache.byKey(name);
  }

  driver(name: string): CSIDriver | undefined {
    return this.#informers.drivers.cache.byKey(name);
  }

  csiNode(name: string): CSINode | undefined {
    return this.#informers.csiNodes.cache.byKey(name);
  }

  capacitiesOfClass(name: string): readonly CSIStorageCapacity[] {
    return this.#informers.capacities.cache.byIndex('class', name);
  }

  attachmentsOn(node: string): readonly VolumeAttachment[] {
    return this.#informers.attachments.cache.byIndex('node', node);
  }

  assume({ bindings, provisions }: VolumePlan, { pod, node }: Placement, timeoutMs: number): Reservation {
    const volumes = bindings.map(({ volume, claim }) => ({
      base: volume,
      form: volumeBoundTo(volume, claim) ?? volume,
      claim,
    }));
    const claims = provisions.map((claim) => ({ base: claim, form: onNode(claim, node.metadata?.name ?? '') }));
    for (const volume of volumes) this.#volumes.set(objectKey(volume.base), volume);
    for (const claim of claims) this.#claims.set(objectKey(claim.base), claim);
    return {
      preBind: async (aside) => {
        const written = await this.#write(volumes, claims);
        await aside(this.#awaitBound(written, { pod, node }, timeoutMs));
      },
      undo: () => {
        for (const volume of volumes) forget(this.#volumes, volume);
        for (const claim of claims) forget(this.#claims, claim);
      },
    };
  }

  async #write(
    volumes: readonly (Assumed<PersistentVolume> & { readonly claim: PersistentVolumeClaim })[],
    claims: readonly Assumed<PersistentVolumeClaim>[],
  ): Promise<Written> {
    const bindings: Written['bindings'][number][] = [];
    const provisions: PersistentVolumeClaim[] = [];
    for (const { base, form, claim } of volumes) {
      const volume = base === form ? form : await this.#client.update(persistentVolumes, form);
      bindings.push({ volume, claim });
    }
    for (const { base, form } of claims) {
      provisions.push(base === form ? form : await this.#client.update(persistentVolumeClaims, form));
    }
    return { bindings, provisions };
  }

  /** @throws Error where the pod or a claim goes, its volume cannot be used or made on the node, or it is not bound in time */
  async #awaitBound(written: Written, { pod, node }: Placement, timeoutMs: number): Promise<void> {
    const { claims, volumes, pods } = this.#informers;
    const told = {
      claim: ({ metadata }: PersistentVolumeClaim) =>
        claims.cache.get({ namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }),
      volume: (name: string) => volumes.cache.byKey(name),
    };
    const endMs = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      if (pods.cache.byKey(objectKey(pod))?.metadata?.uid !== pod.metadata?.uid) {
        throw new Error(`binding volumes: pod does not exist any more: pod "${pod.metadata?.name ?? ''}" not found`);
      }
      try {
        if (areBound(written, node, told)) return;
      } catch (error) {
        throw new Error(`binding volumes: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      if (this.#clock.monotonic() >= endMs) throw new Error('binding volumes: context deadline exceeded');
      await this.#clock.sleep(checkEveryMs);
    }
  }
}

/** The assumed form, while the server has said nothing newer. */
function current<T extends KubeObject>(
  assumed: Map<string, Assumed<T>>,
  key: string,
  listed: T | undefined,
): T | undefined {
  const standing = assumed.get(key);
  if (standing === undefined || listed === undefined) return listed;
  if (listed.metadata?.resourceVersion === standing.base.metadata?.resourceVersion) return standing.form;
  assumed.delete(key);
  return listed;
}

function forget<T extends KubeObject>(assumed: Map<string, Assumed<T>>, one: Assumed<T>): void {
  const key = objectKey(one.base);
  if (assumed.get(key) === one) assumed.delete(key);
}

function onNode(claim: PersistentVolumeClaim, node: string): PersistentVolumeClaim {
  if (claim.metadata?.annotations?.[selectedNode] === node) return claim;
  const annotations = { ...claim.metadata?.annotations, [selectedNode]: node };
  return { ...claim, metadata: { ...claim.metadata, annotations } };
}
