/** What is remembered of one volume, by the name of the attachment or of the pod: since when, and what was told. Lost with the process. */
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { nameOf, uidOf } from '../shared/context.ts';
import type { Refused } from './decide.ts';
import { isAttached } from './facts.ts';

/** How long (ms) a driver may take before it is told that it has not answered; again as often. As upstream. */
export const attachMsMax = 2 * 60_000;

interface Awaited {
  sinceMs: number;
  /** The last error that pods were told, with its time. */
  told: string;
}

type AttachNews = { readonly kind: 'attached' } | { readonly kind: 'failed'; readonly why: string };

export class VolumeMemory {
  readonly #unwanted = new Map<string, number>();
  readonly #awaited = new Map<string, Awaited>();
  readonly #refused = new Set<string>();
  readonly #made = new Map<string, VolumeAttachment>();
  /** Attachments that are to go, with their nodes. */
  leaving: readonly { readonly name: string; readonly node: string }[] = [];

  /** Since when (ms) each node of `unwanted` has been so. */
  setUnwanted(unwanted: readonly string[], nowMs: number): void {
    for (const node of this.#unwanted.keys()) if (!unwanted.includes(node)) this.#unwanted.delete(node);
    for (const node of unwanted) if (!this.#unwanted.has(node)) this.#unwanted.set(node, nowMs);
  }

  unwantedMs(node: string, nowMs: number): number {
    return nowMs - (this.#unwanted.get(node) ?? nowMs);
  }

  /** Of those that are refused, the ones that were not yet. */
  newlyRefused(all: readonly Refused[]): readonly Refused[] {
    const fresh = all.filter(({ pod }) => !this.#refused.has(uidOf(pod)));
    this.#refused.clear();
    for (const { pod } of all) this.#refused.add(uidOf(pod));
    return fresh;
  }

  /** What became of an attachment that is waited for, where it is not known already. */
  news(attachment: VolumeAttachment, timedOut: string, nowMs: number): AttachNews | undefined {
    const name = nameOf(attachment);
    if (isAttached(attachment)) return this.#awaited.delete(name) ? { kind: 'attached' } : undefined;
    const awaited = this.#awaited.get(name) ?? { sinceMs: nowMs, told: '' };
    this.#awaited.set(name, awaited);
    const { attachError } = attachment.status ?? {};
    const error = attachError && `${attachError.time ?? ''} ${attachError.message ?? ''}`;
    if (error !== undefined && error !== awaited.told) {
      awaited.told = error;
      return { kind: 'failed', why: attachError?.message ?? '' };
    }
    if (error !== undefined || nowMs - awaited.sinceMs < attachMsMax) return undefined;
    awaited.sinceMs = nowMs;
    return { kind: 'failed', why: timedOut };
  }

  made(attachment: VolumeAttachment, nowMs: number): void {
    this.#made.set(nameOf(attachment), attachment);
    this.#awaited.set(nameOf(attachment), { sinceMs: nowMs, told: '' });
  }

  /** Those that were made and are not among the `listed`; what was seen once is forgotten. */
  unseen(listed: readonly VolumeAttachment[]): readonly VolumeAttachment[] {
    for (const one of listed) this.#made.delete(nameOf(one));
    return [...this.#made.values()];
  }

  forgetMade(name: string): void {
    this.#made.delete(name);
  }

  /** Some attachment is not there yet. */
  get isWaiting(): boolean {
    return this.#awaited.size > 0;
  }

  keepAwaited(names: readonly string[]): void {
    for (const name of this.#awaited.keys()) if (!names.includes(name)) this.#awaited.delete(name);
  }
}
