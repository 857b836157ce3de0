/**
 * Admission: what is asked of a write beyond the object itself. Each plugin may change the draft, and may refuse the request; which
 * there are, in which order, says `plugins.ts`.
 *
 * ```
 *  decode ─ default ─▶ mutate, one plugin after another ─▶ prepare ─ validate ─▶ validate, one after another ─▶ write
 *                      (the draft, as the client sent it)  (the kind's rules)    (the object, as it would be stored)
 * ```
 * Kept true: what one plugin changes all later ones see; `validate` sees nothing that the kind's own rules would refuse; a write
 * that is tried again, because somebody was faster, is asked about again; what is admitted and then not written is undone.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Store } from '../../store/store.ts';
import type { ObjectDraft } from '../draft.ts';
import type { Environment } from '../environment.ts';
import type { RequestTarget, WriteOptions } from '../request.ts';

/** What is to be written. */
export interface Admitted {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  /** `target.subresource` is empty for the object itself. */
  readonly target: RequestTarget;
  /** Group-resource of what is stored: `pods`, `deployments.apps`. */
  readonly collection: string;
  /**
   * In the stored version; in `mutate`, to change. Absent for DELETE. Of a subresource with a kind of its own (`pods/binding`,
   * `pods/eviction`) that object; of `scale` the object that is scaled.
   */
  readonly draft?: ObjectDraft;
  /** Absent for CREATE. */
  readonly old?: KubeObject;
}

export interface AdmissionRequest extends Admitted {
  /** Nothing will be written: nothing may be noted elsewhere either. */
  readonly dryRun: boolean;
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  /** The client is told, beside the answer. */
  warn(message: string): void;
  /** Goes into the audit log, with the request. `key` is a qualified name: `pod-security.kubernetes.io/enforce-policy`. */
  annotate(key: string, value: string): void;
  /**
   * What was noted elsewhere for this write (a quota's use) is taken back where it fails after all; else `written` is called once
   * the write stands. One of both is called, once. Neither may throw.
   */
  undoWith(undo: () => void, written?: () => void): void;
}

export interface AdmissionPlugin {
  /** Upstream's. */
  readonly name: string;
  /** May change `request.draft`. @throws StatusError where the request is refused */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  /** Changes nothing. @throws StatusError where the request is refused */
  validate?(request: AdmissionRequest): void | Promise<void>;
}

interface Noted {
  readonly undo: () => void;
  readonly written: (() => void) | undefined;
}

/** One attempt at one write, on its way through all plugins. */
export class Admission {
  readonly warnings: string[] = [];
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #request: Omit<AdmissionRequest, 'draft'>;
  readonly #noted: Noted[] = [];

  constructor(
    { admission, store, clock, prng }: Environment,
    what: Omit<Admitted, 'draft'>,
    options: AdmissionOptions,
  ) {
    this.#plugins = admission;
    this.#request = {
      ...what,
      dryRun: options.dryRun ?? false,
      store,
      clock,
      prng,
      warn: (message) => void this.warnings.push(message),
      annotate: (key, value) => options.annotate?.(key, value),
      undoWith: (undo, written) => void this.#noted.push({ undo, written }),
    };
  }

  /** @throws StatusError */
  async mutate(draft: ObjectDraft): Promise<void> {
    const request = { ...this.#request, draft };
    for (const plugin of this.#plugins) {
      const pending = plugin.mutate?.(request);
      if (pending) await pending;
    }
  }

  /** Without a draft: a DELETE. @throws StatusError; what was noted by then is taken back */
  async validate(draft?: ObjectDraft): Promise<void> {
    const request = draft === undefined ? this.#request : { ...this.#request, draft };
    try {
      for (const plugin of this.#plugins) {
        const pending = plugin.validate?.(request);
        if (pending) await pending;
      }
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** The write that was admitted did not happen. */
  undo(): void {
    for (const { undo } of this.#noted.splice(0).toReversed()) undo();
  }

  /** The write that was admitted stands. */
  written(): void {
    for (const { written } of this.#noted.splice(0)) written?.();
  }
}

export type AdmissionOptions = Pick<WriteOptions, 'dryRun' | 'annotate'>;

/** Pods themselves, created or changed; not their subresources. */
export function isPodWrite({ collection, target }: Admitted): boolean {
  return collection === 'pods' && target.subresource === '';
}
