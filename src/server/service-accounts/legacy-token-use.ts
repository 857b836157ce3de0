/**
 * When a Secret's token was last shown: a date in a label of the Secret, so that what nobody uses can be found and removed
 * (`controllers/service-account-tokens`); and since when that is noted at all: a ConfigMap in kube-system. Names as upstream.
 *
 * ```
 *  authenticate ─▶ used(secret) ─▶ (once a day for each Secret) ─▶ patch, in the background
 * ```
 * Kept true: no request waits for the note, and one that fails is tried again when the token is next shown.
 */
import type { JsonObject } from '../../api/object.ts';
import type { ResourceTable } from '../../api/resource-table.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { dayMs, dayOf, isDay, lastUsedLabel, tokenTracking } from '../../api/token-secrets.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { RequestHandler, RequestTarget, UserInfo } from '../../registry/request.ts';
import type { Store, StoreWatch } from '../../store/store.ts';

const trackingKey = { collection: 'configmaps', ...tokenTracking } as const;

const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

export interface LegacyTokenUseOptions {
  readonly store: Pick<Store, 'get' | 'watch'>;
  readonly resources: Pick<ResourceTable, 'find'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class LegacyTokenUse {
  readonly #options: LegacyTokenUseOptions;
  /** By uid. */
  readonly #underWay = new Map<string, Promise<void>>();
  #handler: RequestHandler | undefined;

  constructor(options: LegacyTokenUseOptions) {
    this.#options = options;
  }

  /** The token of `secret` was shown. */
  used(secret: Secret): void {
    const { uid = '', labels } = secret.metadata ?? {};
    const nowMs = this.#options.clock.now();
    const noted = labels?.[lastUsedLabel];
    // Another server's clock may be ahead.
    if (noted === dayOf(nowMs) || noted === dayOf(nowMs + dayMs)) return;
    if (this.#handler === undefined || this.#underWay.has(uid)) return;
    if (this.#underWay.size >= limits.legacyTokenNotesMax) return;
    const work = this.#note(this.#handler, secret, dayOf(nowMs)).finally(() => this.#underWay.delete(uid));
    this.#underWay.set(uid, work);
  }

  /** Writes through `handler` while it runs; before and after, nothing is noted. */
  service(handler: RequestHandler): Service {
    const tracking = new Tracking(this.#options, handler);
    return {
      name: 'legacy tokens',
      start: async () => {
        this.#handler = handler;
        tracking.start();
      },
      close: async () => {
        this.#handler = undefined;
        await tracking.close();
        await Promise.all(this.#underWay.values());
      },
    };
  }

  async #note(handler: RequestHandler, { metadata }: Secret, today: string): Promise<void> {
    const { namespace = '', name = '', uid = '' } = metadata ?? {};
    const patch = { metadata: { uid, labels: { [lastUsedLabel]: today } } };
    try {
      const target = targetOf(this.#options, 'secrets', namespace, name);
      await handler.patch(target, 'application/merge-patch+json', patch, { fieldManager: 'kube-apiserver' });
    } catch (error) {
      this.#options.log.warn('the use of a legacy token could not be noted', { secret: `${namespace}/${name}`, error });
    }
  }
}

/** Keeps the ConfigMap that says since when uses are noted. */
class Tracking {
  readonly #options: LegacyTokenUseOptions;
  readonly #handler: RequestHandler;
  readonly #closing = new AbortController();
  #watch: StoreWatch | undefined;
  #work: Promise<void> = Promise.resolve();
  #madeMs = Number.NEGATIVE_INFINITY;
  #isWaiting = false;

  constructor(options: LegacyTokenUseOptions, handler: RequestHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  start(): void {
    this.#watch = this.#options.store.watch(trackingKey, { event: () => this.#wake() });
    this.#wake();
  }

  async close(): Promise<void> {
    this.#watch?.cancel();
    this.#closing.abort();
    await this.#work;
  }

  #wake(): void {
    if (this.#isWaiting || this.#closing.signal.aborted) return;
    this.#isWaiting = true;
    this.#work = this.#ensure();
  }

  /** Made again at most every half hour: servers that disagree must not fight over it. */
  async #ensure(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    // What changes the object must have its turn first: this is called from within a watch.
    await Promise.resolve();
    for (;;) {
      this.#isWaiting = false;
      const standing: ConfigMap | undefined = this.#options.store.get(trackingKey)?.object;
      if (standing !== undefined && isDay(standing.data?.['since'])) return;
      const waitMs = standing === undefined ? this.#madeMs + limits.legacyTrackingRemadeMs - clock.now() : 0;
      this.#isWaiting = true;
      try {
        if (waitMs > 0) await clock.sleep(waitMs, signal);
        else await this.#write(standing);
      } catch (error) {
        if (signal.aborted) return;
        log.warn('the tracking of legacy tokens is not written yet', { error });
        await clock.sleep(limits.policyRetryMs, signal).catch(() => {});
      }
      if (signal.aborted) return;
    }
  }

  async #write(standing: ConfigMap | undefined): Promise<void> {
    const since = dayOf(this.#options.clock.now());
    const { namespace, name } = trackingKey;
    const options = { fieldManager: 'kube-apiserver' };
    const object = {
      ...(standing ?? { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } }),
      data: { ...standing?.data, since },
    } as unknown as JsonObject;
    try {
      if (standing === undefined) {
        await this.#handler.create(targetOf(this.#options, 'configmaps', namespace, ''), object, options);
        this.#madeMs = this.#options.clock.now();
      } else await this.#handler.update(targetOf(this.#options, 'configmaps', namespace, name), object, options);
    } catch (error) {
      // Somebody else was faster: what is there now is looked at again.
      if (!hasReason(error, 'AlreadyExists', 'NotFound', 'Conflict')) throw error;
    }
  }
}

function targetOf(
  { resources }: LegacyTokenUseOptions,
  resource: string,
  namespace: string,
  name: string,
): RequestTarget {
  return {
    user: apiServer,
    resource: resources.find('', 'v1', resource) as ResourceInfo,
    namespace,
    name,
    subresource: '',
  };
}
