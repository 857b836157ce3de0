/**
 * Admission: what is asked of a write beyond the object itself. Each plugin may change the draft, and may refuse the request; which
 * there are, in which order, says `plugins.ts`.
 *
 * ```
 *  decode ─ default ─▶ mutate, one plugin after another ─▶ prepare ─ validate ─▶ validate, one after another ─▶ write
 *                      (the draft, as the client sent it)  (the kind's rules)    (the object, as it would be stored)
 * ```
 * Where a webhook or a policy changed the draft, `mutate` is gone through once more, as upstream: plugins see the draft as it is now, and of
 * those outside only the ones that asked for it (`Reinvocation`).
 *
 * Kept true: what one plugin changes all later ones see; `validate` sees nothing that the kind's own rules would refuse; a write
 * that is tried again, because somebody was faster, is asked about again; what is admitted and then not written is undone.
 */
import type { KubeObject } from '../../api/object.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Store } from '../../store/store.ts';
import type { ObjectDraft } from '../draft.ts';
import type { Environment } from '../environment.ts';
import type { DeleteOptions, RequestTarget, WriteOptions } from '../request.ts';
import { Asked } from './asked.ts';
import { optionsObject } from './operation-options.ts';

/** What is to be written. */
export interface Admitted {
  /** A patch is an UPDATE. CONNECT: a stream into a pod, or a proxied request. */
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** `target.subresource` is empty for the object itself. */
  readonly target: RequestTarget;
  /** Group-resource of what is stored: `pods`, `deployments.apps`. */
  readonly collection: string;
  /**
   * In the stored version; in `mutate`, to change. Absent for DELETE. Of a subresource with a kind of its own (`pods/binding`,
   * `pods/eviction`, `pods/exec`) that object; of `scale` the object that is scaled.
   */
  readonly draft?: ObjectDraft;
  /** Absent for CREATE and CONNECT. */
  readonly old?: KubeObject;
  /** An UPDATE by PATCH. */
  readonly patched?: boolean;
}

export interface AdmissionRequest extends Admitted {
  /** Nothing will be written: nothing may be noted elsewhere either. */
  readonly dryRun: boolean;
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  /** The client is told, beside the answer. */
  warn(message: string): void;
  /**
   * Goes into the audit log, with the request; with `level` only where as much of requests is written down. `key` is a qualified name:
   * `pod-security.kubernetes.io/enforce-policy`.
   */
  annotate(key: string, value: string, level?: 'Request'): void;
  /**
   * What was noted elsewhere for this write (a quota's use) is taken back where it fails after all; else `written` is called once
   * the write stands. One of both is called, once. Neither may throw.
   */
  undoWith(undo: () => void, written?: () => void): void;
  /** The same for those outside: webhooks and policies. In `mutate` to be asked for anew by each who changes the draft. */
  asked(): Asked;
  /** Told before somebody outside is asked, who may take his time. */
  waitsOutside(): void;
  readonly reinvocation: Reinvocation;
}

/** Of one attempt at one write: is `mutate` to be gone through once more? */
export class Reinvocation {
  /** 1: everybody was asked before. */
  round: 0 | 1 = 0;
  isWanted = false;
  #notes: Map<AdmissionPlugin, unknown> | undefined;

  /** What a plugin keeps from one round to the next. */
  notesOf<T>(plugin: AdmissionPlugin, make: () => T): T {
    this.#notes ??= new Map();
    if (!this.#notes.has(plugin)) this.#notes.set(plugin, make());
    return this.#notes.get(plugin) as T;
  }
}

export interface AdmissionPlugin {
  /** Upstream's. */
  readonly name: string;
  /** Asked about CONNECT, too, and in `mutate` about DELETE. All others are not. */
  readonly everyOperation?: true;
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
  readonly #environment: Environment;
  readonly #options: AdmissionOptions;
  readonly #request: Omit<AdmissionRequest, 'draft' | 'asked'>;
  readonly #noted: Noted[] = [];

  /** `waitsOutside` is told before somebody outside is asked. */
  constructor(
    environment: Environment,
    what: Omit<Admitted, 'draft'>,
    options: AdmissionOptions,
    waitsOutside: () => void = () => {},
  ) {
    const { admission, store, clock, prng } = environment;
    this.#environment = environment;
    this.#options = options;
    this.#plugins = admission;
    this.#request = {
      ...what,
      dryRun: options.dryRun ?? false,
      reinvocation: new Reinvocation(),
      waitsOutside,
      store,
      clock,
      prng,
      warn: (message) => void this.warnings.push(message),
      annotate: (key, value, level) => options.annotate?.(key, value, level),
      undoWith: (undo, written) => void this.#noted.push({ undo, written }),
    };
  }

  /** Without a draft: a DELETE. True where somebody outside changed the draft. @throws StatusError */
  async mutate(draft?: ObjectDraft): Promise<boolean> {
    const { reinvocation } = this.#request;
    const request = this.#with(draft, () => this.#asked(draft));
    try {
      await this.#mutateOnce(request);
      if (!reinvocation.isWanted) return false;
      reinvocation.round = 1;
      await this.#mutateOnce(request);
      return true;
    } catch (error) {
      throw this.#warned(error);
    }
  }

  async #mutateOnce(request: AdmissionRequest): Promise<void> {
    const onlyThose = isUnusual(request.operation);
    for (const plugin of this.#plugins) {
      if (onlyThose && plugin.everyOperation === undefined) continue;
      const pending = plugin.mutate?.(request);
      if (pending) await pending;
    }
  }

  /** Without a draft: a DELETE. @throws StatusError; what was noted by then is taken back */
  async validate(draft?: ObjectDraft): Promise<void> {
    let asked: Asked | undefined;
    const request = this.#with(draft, () => (asked ??= this.#asked(draft)));
    const onlyThose = request.operation === 'CONNECT';
    try {
      for (const plugin of this.#plugins) {
        if (onlyThose && plugin.everyOperation === undefined) continue;
        const pending = plugin.validate?.(request);
        if (pending) await pending;
      }
    } catch (error) {
      this.undo();
      throw this.#warned(error);
    }
  }

  /** Whoever is refused hears the warnings, too. */
  #warned(error: unknown): unknown {
    if (error instanceof StatusError && this.warnings.length > 0) error.warnings = [...this.warnings];
    return error;
  }

  #with(draft: ObjectDraft | undefined, asked: () => Asked): AdmissionRequest {
    return draft === undefined ? { ...this.#request, asked } : { ...this.#request, asked, draft };
  }

  #asked(draft: ObjectDraft | undefined): Asked {
    const options = optionsObject(this.#request, this.#options);
    return new Asked(this.#environment, { ...this.#request, options, ...(draft !== undefined && { draft }) });
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

/** As the client sent them. */
export type AdmissionOptions = WriteOptions | DeleteOptions;

/** One that leaves no object behind. */
export function isUnusual(operation: Admitted['operation']): operation is 'DELETE' | 'CONNECT' {
  return operation === 'DELETE' || operation === 'CONNECT';
}

/** Pods themselves, created or changed; not their subresources. */
export function isPodWrite({ collection, target }: Admitted): boolean {
  return collection === 'pods' && target.subresource === '';
}
