/** What the registry's parts share: made once by `Registry`, handed to each of them. */
import type { ResourceTable } from '../api/resource-table.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Store } from '../store/store.ts';
import type { AddressBook } from './address-book.ts';
import type { AdmissionPlugin } from './admission/admission.ts';
import type { FieldIndexes } from './field-index.ts';
import type { GrantGuard } from './grant-guard.ts';
import type { OutsideCaller } from './outside.ts';
import type { Pages } from './paging.ts';
import type { UserInfo } from './request.ts';
import type { ServedResources } from './served-resource.ts';
import type { ServiceAddresses } from './service-addresses.ts';
import type { ServiceRanges } from './service-ranges.ts';
import type { StrategyContext } from './strategy.ts';
import type { Turns } from './turns.ts';

export interface Environment {
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly resources: ResourceTable;
  readonly served: ServedResources;
  readonly addresses: ServiceAddresses;
  readonly ranges: ServiceRanges;
  readonly book: AddressBook;
  readonly pages: Pages;
  readonly indexes: FieldIndexes;
  readonly turns: Turns;
  /** Asked about every write, in this order. */
  readonly admission: readonly AdmissionPlugin[];
  /** Absent: whoever may write roles and bindings may grant anything. */
  readonly grants?: GrantGuard | undefined;
  /** For conversion webhooks. Absent: nobody outside can be called. */
  readonly outside?: OutsideCaller | undefined;
}

/** What a strategy has to say goes into `warnings`. */
export function strategyContext(environment: Environment, user: UserInfo, warnings: string[]): StrategyContext {
  const warn = (message: string): void => void warnings.push(message);
  const { store, clock, ranges } = environment;
  return { user, nowMs: clock.now(), store, serviceFamilies: ranges.families, warn };
}
