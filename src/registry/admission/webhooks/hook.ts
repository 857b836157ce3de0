/**
 * Webhooks as the configurations in the store declare them, in upstream's order: configurations by name, then as they stand in each.
 *
 * Kept true: a write of a configuration takes effect with the next request; what was made of one is kept as long as it is the same object;
 * without any, a request costs one look.
 */
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../../api/schema/types/admissionregistration-v1.ts';
import type { Entry, Store } from '../../../store/store.ts';
import type { OutsideTarget } from '../../outside.ts';
import { Criteria } from '../match.ts';
import { MatchConditions } from './match-conditions.ts';

/** The name of the step, in metrics. */
export type HookKind = 'admit' | 'validating';

export interface Hook {
  /** Of this webhook, also beside others of its name: `configuration/name/index`. */
  readonly id: string;
  readonly kind: HookKind;
  readonly configuration: string;
  readonly name: string;
  readonly target: OutsideTarget;
  readonly criteria: Criteria;
  readonly conditions: MatchConditions;
  /** A call that fails lets the request pass. */
  readonly failsOpen: boolean;
  readonly supportsDryRun: boolean;
  readonly reviewVersions: readonly string[];
  readonly timeoutMs: number;
  /** To be asked again where somebody after it changed the object. */
  readonly reinvoked: boolean;
}

const collections: Readonly<Record<HookKind, string>> = {
  admit: 'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  validating: 'validatingwebhookconfigurations.admissionregistration.k8s.io',
};

const none: readonly Hook[] = [];
/** As the API fills in where nothing is said. */
const defaultTimeoutSeconds = 10;

export class Hooks {
  readonly #kind: HookKind;
  readonly #known = new WeakMap<object, readonly Hook[]>();
  #entries: readonly Entry[] = [];
  #hooks: readonly Hook[] = none;

  constructor(kind: HookKind) {
    this.#kind = kind;
  }

  of(store: Store): readonly Hook[] {
    const { entries } = store.list(collections[this.#kind], '');
    if (entries.length === 0) return none;
    if (entries !== this.#entries) {
      const byName = entries.toSorted((a, b) => (a.key.name < b.key.name ? -1 : 1));
      this.#hooks = byName.flatMap(({ object }) => this.#hooksOf(object as Configuration));
      this.#entries = entries;
    }
    return this.#hooks;
  }

  #hooksOf(configuration: Configuration): readonly Hook[] {
    let hooks = this.#known.get(configuration);
    if (hooks === undefined) this.#known.set(configuration, (hooks = hooksOf(configuration, this.#kind)));
    return hooks;
  }
}

type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration;
type Declared = ValidatingWebhook | MutatingWebhook;

function hooksOf({ metadata, webhooks }: Configuration, kind: HookKind): readonly Hook[] {
  const configuration = metadata?.name ?? '';
  const counted = new Map<string, number>();
  return (webhooks ?? []).map((declared: Declared) => {
    const index = counted.get(declared.name) ?? 0;
    counted.set(declared.name, index + 1);
    return hookOf(declared, { configuration, kind, id: `${configuration}/${declared.name}/${index}` });
  });
}

function hookOf(declared: Declared, place: Pick<Hook, 'configuration' | 'kind' | 'id'>): Hook {
  const { name, clientConfig, rules, matchPolicy, namespaceSelector, objectSelector, sideEffects } = declared;
  return {
    ...place,
    name,
    target: clientConfig,
    criteria: new Criteria({ rules: rules ?? [], matchPolicy, namespaceSelector, objectSelector }),
    conditions: new MatchConditions(declared.matchConditions ?? []),
    failsOpen: declared.failurePolicy === 'Ignore',
    supportsDryRun: sideEffects === 'None' || sideEffects === 'NoneOnDryRun',
    reviewVersions: declared.admissionReviewVersions,
    timeoutMs: (declared.timeoutSeconds ?? defaultTimeoutSeconds) * 1000,
    reinvoked: 'reinvocationPolicy' in declared && declared.reinvocationPolicy === 'IfNeeded',
  };
}
