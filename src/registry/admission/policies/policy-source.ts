/**
 * Policies with their bindings, as they stand in the store at this moment: a write of one takes effect with the next request.
 *
 * ```
 *  store ─ list(policies), list(bindings) ─▶ the same lists as before? ─ yes ─▶ the hooks of before
 *                                                   └ no ─▶ bindings by policy, in the order of names
 * ```
 * Kept true: without bindings a request costs one look; what was compiled of a policy is kept as long as its spec is the same one.
 */
import type { KubeObject } from '../../../api/object.ts';
import type { Entry, Store } from '../../../store/store.ts';

export interface PolicyObject extends KubeObject {
  readonly spec?: object;
}

export interface BindingObject extends KubeObject {
  readonly spec?: { readonly policyName?: string };
}

/** A policy that is bound. */
export interface PolicyHook<P, B, C> {
  readonly policy: P;
  readonly bindings: readonly B[];
  /** Made when it is first asked for. */
  readonly compiled: C;
}

export interface SourceOptions<P, C> {
  /** `validatingadmissionpolicies.admissionregistration.k8s.io`. */
  readonly policies: string;
  readonly bindings: string;
  compile(policy: P): C;
}

type Entries = readonly Entry[];

export class PolicySource<P extends PolicyObject, B extends BindingObject, C> {
  readonly #options: SourceOptions<P, C>;
  readonly #compiled = new WeakMap<object, C>();
  #policies: Entries = [];
  #bindings: Entries = [];
  #hooks: readonly PolicyHook<P, B, C>[] = [];

  constructor(options: SourceOptions<P, C>) {
    this.#options = options;
  }

  /** By the policies' names; of each, its bindings by theirs. */
  hooks(store: Store): readonly PolicyHook<P, B, C>[] {
    const bindings = store.list(this.#options.bindings, '').entries;
    if (bindings.length === 0) return [];
    const policies = store.list(this.#options.policies, '').entries;
    if (policies !== this.#policies || bindings !== this.#bindings) {
      this.#hooks = this.#hooksOf(policies, bindings);
      this.#policies = policies;
      this.#bindings = bindings;
    }
    return this.#hooks;
  }

  #hooksOf(policies: Entries, bindings: Entries): readonly PolicyHook<P, B, C>[] {
    const byPolicy = Map.groupBy(
      bindings.map(({ object }) => object as B),
      ({ spec }) => spec?.policyName ?? '',
    );
    return policies.flatMap(({ key, object }) => {
      const own = byPolicy.get(key.name);
      return own === undefined ? [] : [this.#hook(object as P, own)];
    });
  }

  #hook(policy: P, bindings: readonly B[]): PolicyHook<P, B, C> {
    const compiled = (): C => this.#compile(policy);
    return {
      policy,
      bindings,
      get compiled() {
        return compiled();
      },
    };
  }

  #compile(policy: P): C {
    const spec = policy.spec ?? policy;
    let compiled = this.#compiled.get(spec);
    if (compiled === undefined) this.#compiled.set(spec, (compiled = this.#options.compile(policy)));
    return compiled;
  }
}
