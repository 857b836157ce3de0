/** What the two plugins that ask webhooks need beside the request. */
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { OutsideCaller } from '../../outside.ts';
import type { Authorizer } from '../../request.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

export interface WebhookDependencies {
  readonly outside: OutsideCaller | undefined;
  readonly authorizer: Authorizer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: WebhookMetrics;
}
