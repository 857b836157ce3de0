/**
 * The policies' table as a value that is kept up to date: told what changed in the API, it says which owners' fragments change. Pure: no I/O, no time.
 *
 * ```
 *   policy  ─▶ policy/NS/NAME    chains of its rules, their maps of ports, their blocks
 *           ─▶ pods/ID           a set of addresses (both families) for each distinct list of selectors, shared by all rules with the same
 *           ─▶ port/PROTO/NAME   a set of address and port for each named port that a rule asks for
 *   pod     ─▶ address/IP        its elements in those sets; on its own node also the verdict: which policies judge it
 *           ─▶ profile/ID        `jump` to each policy, then drop: one for all pods with the same policies
 *   node    ─▶ node              the addresses of this node's pods
 * ```
 * A changed pod is so one fragment of few elements, whatever the number of policies. Owners are addresses and not pods: an address that goes from one
 * pod to the next stands in the kernel once, and the newer pod speaks for it. Without policies nothing is wanted at all.
 */
import type { Namespace, Pod } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import type { NftBase, NftElement, NftFragment } from '../kernel/nft-table.ts';
import { emptyBase, policyBase } from './base.ts';
import { directions, namedPortSets, profileFragment, profileId, UseCounts, verdicts } from './fragments.ts';
import { mergeRanges, rangeOfCidr, rangeText } from './ip-ranges.ts';
import { factsOf, type PodFacts } from './pod-facts.ts';
import { PodSets } from './pod-sets.ts';
import { type CompiledPolicy, compilePolicy, families, namedPortSet, podSetName, withoutRules } from './rules.ts';

interface Address {
  readonly ip: string;
  readonly suffix: '4' | '6';
  /** Those that have it, by key: mostly one. */
  readonly pods: Map<string, PodFacts>;
  holder: PodFacts;
  sets: Set<string>;
  profiles: readonly string[];
}

export interface Change {
  readonly owner: string;
  readonly fragment: NftFragment | undefined;
}

export class PolicyProgram {
  readonly #id: string;
  readonly #nodeName: string;
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #policiesOf = new Map<string, Map<string, CompiledPolicy>>();
  readonly #pods = new Map<string, PodFacts>();
  readonly #addresses = new Map<string, Address>();
  readonly #addressesOf = new Map<string, Set<Address>>();
  readonly #podSets = new PodSets();
  readonly #namedPorts = new UseCounts();
  readonly #profiles = new UseCounts();
  /** Addresses whose fragments are to be made anew. */
  readonly #stale = new Set<Address>();
  readonly #wanted = new Map<string, NftFragment>();
  readonly #pending = new Set<string>();
  #wasActive = false;

  constructor(options: { readonly id: string; readonly nodeName: string }) {
    this.#id = options.id;
    this.#nodeName = options.nodeName;
  }

  /** Are there any policies? Without them nothing else need be told. */
  get isActive(): boolean {
    return this.#policies.size > 0;
  }

  get base(): NftBase {
    return this.isActive ? policyBase(this.#id) : emptyBase(this.#id);
  }

  /** What of a policy had to be left out, and why. */
  setPolicy(key: string, policy: NetworkPolicy | undefined): readonly string[] {
    const compiled = policy && compilePolicy(policy);
    this.#replacePolicy(key, compiled);
    return compiled?.problems ?? [];
  }

  /**
   * The kernel refuses what the policy says: until it says something else, it isolates its pods and allows nothing. False where it does so
   * already, or is gone.
   */
  closePolicy(key: string): boolean {
    const compiled = this.#policies.get(key);
    if (compiled === undefined || compiled.isClosed) return false;
    this.#replacePolicy(key, withoutRules(compiled));
    return true;
  }

  /** These owners stand among the next changes, whether they changed or not. */
  again(owners: readonly string[]): void {
    for (const owner of owners) this.#pending.add(owner);
  }

  setNamespace(name: string, namespace: Namespace | undefined): void {
    const labels = namespace && (namespace.metadata?.labels ?? {});
    if (!this.#podSets.setNamespace(name, labels)) return;
    for (const address of this.#addressesOf.get(name) ?? []) {
      address.sets = this.#podSets.setsOf(address.holder);
      this.#stale.add(address);
    }
  }

  setPod(key: string, pod: Pod | undefined): void {
    const before = this.#pods.get(key);
    const after = pod && factsOf(key, pod, this.#nodeName);
    if (before?.signature === after?.signature) return;
    if (after === undefined) this.#pods.delete(key);
    else this.#pods.set(key, after);
    for (const { ip } of before?.addresses ?? []) {
      if (!after?.addresses.some((each) => each.ip === ip)) this.#leave(ip, key);
    }
    for (const { ip, suffix } of after?.addresses ?? []) if (after) this.#hold(ip, suffix, after);
  }

  /** The ranges that this node's pods have their addresses from. */
  setLocalRanges(cidrs: readonly string[]): void {
    const ranges = cidrs.map(rangeOfCidr);
    const elements = families.flatMap(({ family, suffix }) =>
      mergeRanges(ranges, family).map((range) => ({ set: `local${suffix}`, key: rangeText(range) })),
    );
    this.#want('node', elements.length === 0 ? undefined : { elements });
  }

  /** What changed since the last call. Each owner stands there once. */
  take(): readonly Change[] {
    for (const address of this.#stale) this.#renew(address);
    this.#stale.clear();
    const before = this.#wasActive;
    this.#wasActive = this.isActive;
    if (!this.isActive && !before) this.#pending.clear();
    const owners = this.isActive === before ? this.#pending : new Set([...this.#pending, ...this.#wanted.keys()]);
    const changes = [...owners].map((owner) => ({
      owner,
      fragment: this.isActive ? this.#wanted.get(owner) : undefined,
    }));
    this.#pending.clear();
    return changes;
  }

  #replacePolicy(key: string, after: CompiledPolicy | undefined): void {
    const before = this.#policies.get(key);
    if (after === undefined) this.#policies.delete(key);
    else this.#policies.set(key, after);
    this.#want(`policy/${key}`, after?.fragment);
    this.#usePodSets(before, after);
    this.#useNamedPorts(before, after);
    this.#judgeAnew(key, before, after);
  }

  #usePodSets(before: CompiledPolicy | undefined, after: CompiledPolicy | undefined): void {
    for (const [id, selectors] of after?.podSets ?? []) {
      if (!this.#podSets.use(id, selectors)) continue;
      this.#want(`pods/${id}`, {
        sets: Object.fromEntries(
          families.map(({ suffix }) => [
            podSetName(id, suffix),
            { kind: 'set', declaration: `type ipv${suffix}_addr` } as const,
          ]),
        ),
      });
      this.#fill(id);
    }
    for (const id of before?.podSets.keys() ?? []) {
      if (!this.#podSets.release(id)) continue;
      this.#want(`pods/${id}`, undefined);
      for (const address of this.#addresses.values()) if (address.sets.delete(id)) this.#stale.add(address);
    }
  }

  /** Only the new set is asked, not all of them anew. */
  #fill(id: string): void {
    for (const [namespace, addresses] of this.#addressesOf) {
      const matchers = this.#podSets.matchersOf(id, namespace);
      for (const address of addresses) {
        if (!matchers.some((matcher) => matcher.matches(address.holder.labels))) continue;
        address.sets.add(id);
        this.#stale.add(address);
      }
    }
  }

  #useNamedPorts(before: CompiledPolicy | undefined, after: CompiledPolicy | undefined): void {
    for (const key of after?.namedPorts ?? []) {
      if (this.#namedPorts.use(key)) this.#changeNamedPort(key, { sets: namedPortSets(key) });
    }
    for (const key of before?.namedPorts ?? []) {
      if (this.#namedPorts.release(key)) this.#changeNamedPort(key, undefined);
    }
  }

  #changeNamedPort(key: string, fragment: NftFragment | undefined): void {
    this.#want(`port/${key}`, fragment);
    for (const address of this.#addresses.values()) if (address.holder.namedPorts.has(key)) this.#stale.add(address);
  }

  /** The local pods that it selected, and those that it selects. */
  #judgeAnew(key: string, before: CompiledPolicy | undefined, after: CompiledPolicy | undefined): void {
    const namespace = (after ?? before)?.namespace;
    if (namespace === undefined) return;
    const policies = this.#policiesOf.get(namespace) ?? new Map<string, CompiledPolicy>();
    if (after === undefined) policies.delete(key);
    else policies.set(key, after);
    if (policies.size === 0) this.#policiesOf.delete(namespace);
    else this.#policiesOf.set(namespace, policies);
    for (const address of this.#addressesOf.get(namespace) ?? []) if (address.holder.isLocal) this.#stale.add(address);
  }

  #hold(ip: string, suffix: '4' | '6', facts: PodFacts): void {
    const known = this.#addresses.get(ip);
    if (known === undefined) {
      const address = {
        ip,
        suffix,
        pods: new Map([[facts.key, facts]]),
        holder: facts,
        sets: new Set<string>(),
        profiles: [],
      };
      this.#addresses.set(ip, address);
      this.#place(address, facts);
      return;
    }
    known.pods.set(facts.key, facts);
    this.#chooseHolder(known);
  }

  #leave(ip: string, key: string): void {
    const address = this.#addresses.get(ip);
    if (address === undefined) return;
    address.pods.delete(key);
    this.#chooseHolder(address);
  }

  /** The newer pod: the other one has ended, and the API does not say so yet. */
  #chooseHolder(address: Address): void {
    const [first, ...others] = address.pods.values();
    this.#addressesOf.get(address.holder.namespace)?.delete(address);
    if (first === undefined) {
      this.#addresses.delete(address.ip);
      this.#stale.add(address);
      return;
    }
    this.#place(
      address,
      others.reduce((newest, each) => (each.created > newest.created ? each : newest), first),
    );
  }

  #place(address: Address, holder: PodFacts): void {
    address.holder = holder;
    const others = this.#addressesOf.get(holder.namespace);
    if (others === undefined) this.#addressesOf.set(holder.namespace, new Set([address]));
    else others.add(address);
    address.sets = this.#podSets.setsOf(holder);
    this.#stale.add(address);
  }

  #renew(address: Address): void {
    const isThere = address.pods.size > 0;
    const profiles = isThere && address.holder.isLocal ? this.#profilesOf(address.holder) : [];
    const elements = isThere ? [...this.#memberships(address), ...verdicts(address, profiles)] : [];
    this.#useProfiles(
      address,
      profiles.filter((chains) => chains.length > 0),
    );
    // Another pod may have taken the address meanwhile: it is stale, too, and says the last word.
    if (!isThere && this.#addresses.has(address.ip)) return;
    this.#want(`address/${address.ip}`, elements.length === 0 ? undefined : { elements });
  }

  #memberships({ ip, suffix, sets, holder }: Address): NftElement[] {
    const elements: NftElement[] = [...sets].map((id) => ({ set: podSetName(id, suffix), key: ip }));
    for (const [key, port] of holder.namedPorts) {
      if (this.#namedPorts.has(key)) elements.push({ set: namedPortSet(key, suffix), key: `${ip} . ${port}` });
    }
    return elements;
  }

  /** For each direction the chains of the policies that isolate the pod: none where it is open. */
  #profilesOf({ namespace, labels }: PodFacts): readonly (readonly string[])[] {
    const policies = [...(this.#policiesOf.get(namespace)?.values() ?? [])].filter(({ pods }) => pods.matches(labels));
    return directions.map((direction) =>
      policies.flatMap(({ chains }) => (chains[direction] === undefined ? [] : [chains[direction]])).sort(),
    );
  }

  /** New ones first: what both have stays. */
  #useProfiles(address: Address, profiles: readonly (readonly string[])[]): void {
    const before = address.profiles;
    address.profiles = profiles.map(profileId);
    for (const chains of profiles) {
      const id = profileId(chains);
      if (this.#profiles.use(id)) this.#want(`profile/${id}`, profileFragment(chains));
    }
    for (const id of before) if (this.#profiles.release(id)) this.#want(`profile/${id}`, undefined);
  }

  #want(owner: string, fragment: NftFragment | undefined): void {
    if (fragment === undefined) {
      if (!this.#wanted.delete(owner) && !this.#pending.has(owner)) return;
    } else {
      this.#wanted.set(owner, fragment);
    }
    this.#pending.add(owner);
  }
}
