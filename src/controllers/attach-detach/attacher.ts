/**
 * Carries out what `decide.ts` says of a volume: makes and deletes its attachments, and tells pods what became of them.
 *
 * Kept true: an attachment that was made here counts from then on, also while the cache lags behind: of a volume for one node no second one is
 * made meanwhile.
 */

import { claimKeyOf } from '../../api/persistent-volumes.ts';
import type { CSIPersistentVolumeSource, Node, PersistentVolume, Pod } from '../../api/schema/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Resource } from '../../client/client.ts';
import { after, done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource, pods as podsResource, volumeAttachments } from '../../client/resources.ts';
import { MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import { isDeleting, nameOf, referenceOf, uidOf } from '../shared/context.ts';
import { messageOf, unlessGone } from '../shared/refusals.ts';
import { podsByClaim } from '../storage-protection/decide.ts';
import { type Detaching, decideVolume, wantedByNode } from './decide.ts';
import { attachmentName, isReported, mayBeMounted, needsAttaching, uniqueName, usersOf } from './facts.ts';
import type { Surroundings } from './surroundings.ts';
import { attachMsMax, VolumeMemory } from './volume-memory.ts';

/** How soon (ms) the server is asked again whether a node has let go. */
const retryMs = 1000;

type CsiVolume = PersistentVolume & { readonly spec: { readonly csi: CSIPersistentVolumeSource } };

const isCsi = (volume: PersistentVolume | undefined): volume is CsiVolume => volume?.spec?.csi !== undefined;

export class Attacher {
  /** Names of attachments that are to go as soon as their node does not say any more that it has them. */
  readonly leaving = new Set<string>();
  readonly #around: Surroundings;
  readonly #wakeNode: (name: string) => void;
  readonly #memories = new Map<string, VolumeMemory>();
  readonly #forced: NumberMetric;

  constructor(surroundings: Surroundings, wakeNode: (name: string) => void) {
    this.#around = surroundings;
    this.#wakeNode = wakeNode;
    const help = 'Volumes that were detached although their node might have them mounted.';
    const name = 'attachdetach_controller_forced_detaches';
    this.#forced = (surroundings.own.metrics ?? new MetricRegistry()).counter({ name, help, labels: ['reason'] });
  }

  async reconcile(name: string): Promise<Outcome> {
    const { volumes, drivers, nodes, own } = this.#around;
    const volume = volumes.cache.byKey(name);
    if (!isCsi(volume) || !needsAttaching(drivers.cache.byKey(volume.spec.csi.driver))) {
      this.#forget(name);
      return done;
    }
    const memory = this.#memories.get(name) ?? new VolumeMemory();
    this.#memories.set(name, memory);
    const nowMs = own.clock.monotonic();
    const findNode = (node: string): Node | undefined => nodes.cache.byKey(node);
    const wanted = wantedByNode(this.#usersOf(volume), findNode);
    const attachments = await this.#attachmentsOf(volume, memory);
    memory.setUnwanted(
      attachments.map(({ spec }) => spec.nodeName).filter((node) => !wanted.has(node)),
      nowMs,
    );
    const plan = decideVolume({
      volume,
      uniqueName: uniqueName(volume.spec.csi),
      wanted,
      attachments,
      node: findNode,
      unwantedMs: (node) => memory.unwantedMs(node, nowMs),
    });
    this.#setLeaving(memory, plan.detach);
    const isWaiting = this.#tell(volume, attachments, wanted, memory);
    for (const { pod, message } of memory.newlyRefused(plan.refused)) this.#fail(pod, message);
    let again = plan.againMs ?? Number.POSITIVE_INFINITY;
    if (isWaiting) again = Math.min(again, attachMsMax);
    for (const one of plan.detach) if (!(await this.#detach(volume, one))) again = Math.min(again, retryMs);
    for (const node of plan.attach) await this.#attach(volume, node, wanted.get(node) ?? [], memory);
    return Number.isFinite(again) ? after(again) : done;
  }

  #forget(name: string): void {
    const memory = this.#memories.get(name);
    if (memory === undefined) return;
    this.#setLeaving(memory, []);
    this.#memories.delete(name);
  }

  #usersOf(volume: PersistentVolume): readonly Pod[] {
    const key = claimKeyOf(volume);
    const claim = key === undefined ? undefined : this.#around.claims.cache.byKey(key);
    if (key === undefined || claim === undefined) return [];
    return usersOf(volume, claim, this.#around.pods.cache.byIndex(podsByClaim, key));
  }

  /** What was made and the cache does not show is asked for: it may be gone already. */
  async #attachmentsOf(volume: CsiVolume, memory: VolumeMemory): Promise<readonly VolumeAttachment[]> {
    const listed = this.#around.attachmentsOf(volume);
    const unseen: VolumeAttachment[] = [];
    for (const made of memory.unseen(listed)) {
      const standing = await this.#live(volumeAttachments, nameOf(made));
      if (standing === undefined) memory.forgetMade(nameOf(made));
      else unseen.push(standing);
    }
    return [...listed, ...unseen];
  }

  async #live<T extends Node | VolumeAttachment>(resource: Resource<T>, name: string): Promise<T | undefined> {
    return this.#around.own.client.get(resource, { namespace: '', name }).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    });
  }

  #setLeaving(memory: VolumeMemory, detach: readonly Detaching[]): void {
    const names = detach.map(({ attachment }) => nameOf(attachment));
    for (const { name, node } of memory.leaving) {
      if (!names.includes(name) && this.leaving.delete(name)) this.#wakeNode(node);
    }
    for (const name of names) this.leaving.add(name);
    memory.leaving = detach.map(({ attachment }) => ({ name: nameOf(attachment), node: attachment.spec.nodeName }));
  }

  /** Whether any attachment is still waited for. */
  #tell(
    volume: CsiVolume,
    attachments: readonly VolumeAttachment[],
    wanted: ReadonlyMap<string, readonly Pod[]>,
    memory: VolumeMemory,
  ): boolean {
    const { driver, volumeHandle } = volume.spec.csi;
    const timedOut = `timed out waiting for external-attacher of ${driver} CSI driver to attach volume ${volumeHandle}`;
    const awaited = attachments.filter((one) => wanted.has(one.spec.nodeName) && !isDeleting(one));
    memory.keepAwaited(awaited.map(nameOf));
    for (const attachment of awaited) {
      const news = memory.news(attachment, timedOut, this.#around.own.clock.monotonic());
      for (const pod of news === undefined ? [] : (wanted.get(attachment.spec.nodeName) ?? [])) {
        if (news?.kind === 'failed') this.#fail(pod, failure(volume, news.why));
        else this.#succeed(pod, volume);
      }
    }
    return memory.isWaiting;
  }

  #fail(pod: Pod, message: string): void {
    this.#around.own.events.record(podsResource, pod, 'Warning', 'FailedAttachVolume', message);
  }

  #succeed(pod: Pod, volume: PersistentVolume): void {
    // With the space at its end that upstream's has.
    const message = `AttachVolume.Attach succeeded for volume "${nameOf(volume)}" `;
    this.#around.own.events.record(podsResource, pod, 'Normal', 'SuccessfulAttachVolume', message);
  }

  async #attach(volume: CsiVolume, node: string, pods: readonly Pod[], memory: VolumeMemory): Promise<void> {
    const { client, log } = this.#around.own;
    const { csi } = volume.spec;
    const name = attachmentName(csi, node);
    const source = { persistentVolumeName: nameOf(volume) };
    const attachment = { metadata: { name }, spec: { attacher: csi.driver, nodeName: node, source } };
    try {
      memory.made(await client.create(volumeAttachments, attachment), this.#around.own.clock.monotonic());
      log.info('volume to be attached', { volume: nameOf(volume), node, attachment: name });
    } catch (error) {
      // Made before, and not seen yet: the cache will wake us.
      if (hasReason(error, 'AlreadyExists')) return;
      for (const pod of pods) this.#fail(pod, failure(volume, messageOf(error)));
      throw error;
    }
  }

  /** False where the node has not let go: it is to be asked again. */
  async #detach(volume: CsiVolume, { attachment, force }: Detaching): Promise<boolean> {
    const { nodeName } = attachment.spec;
    const name = uniqueName(volume.spec.csi);
    if (isReported(this.#around.nodes.cache.byKey(nodeName), name)) {
      // Its change wakes us.
      this.#wakeNode(nodeName);
      return true;
    }
    const node = await this.#live(nodesResource, nodeName);
    const isHeld = node !== undefined && (isReported(node, name) || (force === undefined && mayBeMounted(node, name)));
    if (isHeld) return false;
    const { client, log } = this.#around.own;
    await client.delete(volumeAttachments, referenceOf(attachment), { uid: uidOf(attachment) }).catch(unlessGone);
    if (force !== undefined) this.#forced.with(force).add();
    log.info('volume to be detached', { volume: nameOf(volume), node: nodeName, ...(force && { force }) });
    return true;
  }
}

const failure = (volume: PersistentVolume, why: string): string =>
  `AttachVolume.Attach failed for volume "${nameOf(volume)}" : ${why}`;
