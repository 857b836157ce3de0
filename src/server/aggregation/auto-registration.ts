/**
 * Writes the APIServices of this server's own group-versions (`local-api-services.ts`): all when it starts, and those of custom kinds whenever
 * they come or go. Nobody waits for it: what the server answers for does not hang on them.
 *
 * Kept true: one round at a time, each from what stands then; a round that failed is tried again.
 */
import type { LiveApi } from '../../api/live-api.ts';
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { RequestHandler, RequestTarget, UserInfo } from '../../registry/request.ts';
import type { ApiServiceIndex } from './api-service-index.ts';
import {
  decideRegistrations,
  type LocalApiService,
  localApiServices,
  managedLabel,
  type Registration,
} from './local-api-services.ts';

export interface AutoRegistrationOptions {
  readonly api: LiveApi;
  readonly index: ApiServiceIndex;
  readonly handler: RequestHandler;
  readonly clock: Clock;
  readonly log: Logger;
}

const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };
const writing = { fieldManager: 'kube-apiserver' };

const retryMs = 5_000;
/** Changes that come close together make one round: hundreds of definitions may be installed at once. */
const gatherMs = 200;
/** How many are written at once, so that requests are served between. */
const writesAtOnce = 32;

export class AutoRegistration implements Service {
  readonly name = 'autoregister';
  readonly #options: AutoRegistrationOptions;
  #stopListening: (() => void)[] = [];
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #closed = false;
  /** Those of built-in kinds have been put right. */
  #hasStarted = false;

  constructor(options: AutoRegistrationOptions) {
    this.#options = options;
  }

  /** Begins; resolves at once. */
  async start(): Promise<void> {
    const { api, index } = this.#options;
    const wake = (): void => this.#wakeIn(gatherMs);
    this.#stopListening = [
      api.onChange(wake),
      // Somebody may take one of them away, or change it.
      index.onChange((name) => {
        if (this.#hasStarted && this.#isDueAgain(name)) wake();
      }),
    ];
    this.#wakeIn(0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stopListening) stop();
    this.#timer?.cancel();
    await this.#round;
  }

  #isDueAgain(name: string): boolean {
    const label = this.#options.index.get(name)?.metadata?.labels?.[managedLabel];
    return label === undefined || label === 'true';
  }

  #wakeIn(ms: number): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.after(ms, () => {
      this.#timer = undefined;
      this.#round = this.#round.then(() => this.#run());
    });
  }

  async #run(): Promise<void> {
    const { api, index, log } = this.#options;
    const standing = new Map([...index.all].map((object) => [object.metadata?.name ?? '', object]));
    const due = decideRegistrations(localApiServices(api.resources.current), standing, !this.#hasStarted);
    const failures: unknown[] = [];
    for (let at = 0; at < due.length && !this.#closed; at += writesAtOnce) {
      const outcomes = await Promise.allSettled(
        due.slice(at, at + writesAtOnce).map((one) => this.#write(one, standing)),
      );
      failures.push(...outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : [])));
    }
    if (failures.length === 0) {
      this.#hasStarted = true;
      return;
    }
    log.warn('APIServices could not be registered, trying again', { count: failures.length, error: failures[0] });
    this.#wakeIn(retryMs);
  }

  async #write(registration: Registration, standing: ReadonlyMap<string, APIService>): Promise<void> {
    const { handler } = this.#options;
    try {
      switch (registration.kind) {
        case 'create':
          return void (await handler.create(this.#target(''), bodyOf(registration.wanted) as never, writing));
        case 'update': {
          const { name } = registration.wanted;
          const body = changed(standing.get(name), registration.wanted);
          return void (await handler.update(this.#target(name), body as never, writing));
        }
        case 'delete':
          return void (await handler.delete(this.#target(registration.name), {}));
      }
    } catch (error) {
      // Somebody was faster: its change wakes the next round.
      if (!hasReason(error, 'AlreadyExists', 'NotFound', 'Conflict')) throw error;
    }
  }

  #target(name: string): RequestTarget {
    const resource = this.#options.api.resources.find('apiregistration.k8s.io', 'v1', 'apiservices');
    if (resource === undefined) throw new Error('APIServices are not served');
    return { user: apiServer, resource, namespace: '', name, subresource: '' };
  }
}

function bodyOf({ name, management, spec }: LocalApiService): APIService {
  return { metadata: { name, labels: { [managedLabel]: management } }, spec };
}

function changed(present: APIService | undefined, { management, spec }: LocalApiService): APIService {
  const labels = { ...present?.metadata?.labels, [managedLabel]: management };
  return { ...present, metadata: { ...present?.metadata, labels }, spec };
}
