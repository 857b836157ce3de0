/**
 * The API's own way out, as one part: made before what it reads through (the registry), since that in turn calls webhooks.
 */
import type { JsonObject } from '../../api/object.ts';
import type { Service } from '../../lib/service.ts';
import type { OutsideCaller, OutsideOptions, OutsideTarget } from '../../registry/outside.ts';
import type { RequestHandler } from '../../registry/request.ts';
import { HttpsOutsideCaller } from './outside-caller.ts';
import { ServiceDialer, type ServiceDialerOptions } from './service-dialer.ts';

export interface OutsideWayOptions extends Omit<ServiceDialerOptions, 'handler'> {
  /** Asked at the first call. */
  readonly handler: () => RequestHandler;
}

export class OutsideWay implements OutsideCaller, Service {
  readonly name = 'calls outside';
  readonly #options: OutsideWayOptions;
  #dialer: ServiceDialer | undefined;
  #caller: HttpsOutsideCaller | undefined;
  isOpen = false;

  constructor(options: OutsideWayOptions) {
    this.#options = options;
  }

  get dialer(): ServiceDialer {
    this.#dialer ??= new ServiceDialer({ ...this.#options, handler: this.#options.handler() });
    return this.#dialer;
  }

  post(target: OutsideTarget, body: JsonObject, options: OutsideOptions): Promise<JsonObject> {
    this.#caller ??= new HttpsOutsideCaller({ dialer: this.dialer, clock: this.#options.clock });
    return this.#caller.post(target, body, options);
  }

  /** From here on webhooks are asked; whoever waits for answers at the end has none. */
  async start(): Promise<void> {
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.destroy();
  }

  destroy(): void {
    this.#caller?.close();
    this.#caller = undefined;
  }
}
