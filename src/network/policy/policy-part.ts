/**
 * NetworkPolicies in the kernel of this node, for its own pods.
 *
 * ```
 *   informers ─▶ PolicyProgram ─▶ changed fragments ─▶ table (one transaction for all that came meanwhile) ─▶ refused: told on the policy, closed
 * ```
 * Kept true: without policies only they are watched, and the table is empty; with the first one the rest is read, and nothing is applied before all of
 * it is known: until then the table of an earlier agent holds. A pod's containers start when its addresses are judged (`PodGate`); the API may be slower
 * than the pod, so the agent's word on addresses counts.
 */
import { objectKey } from '../../api/object.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import type { Informer, InformerHandler } from '../../client/informer.ts';
import { namespaces, networkPolicies, nodes, pods, services } from '../../client/resources.ts';
import type { NumberSeries } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import type { NetworkContext } from '../context.ts';
import { NftKeeper } from '../kernel/nft-keeper.ts';
import type { NftRefusal, NftTable } from '../kernel/nft-table.ts';
import { emptyBase } from './base.ts';
import { dnsPeer, dnsPeerKey, dnsService } from './dns-peer.ts';
import { PolicyProgram } from './program.ts';

export type PolicyTable = NftTable & { close(): Promise<void> };

/** A pod does not wait longer (ms) for policies that cannot be read: the API is away, and pods that need none must come up. */
const gateMsMax = 5000;

export function policyPart(context: NetworkContext): Service {
  return new PolicyPart(context, new NftKeeper({ ...context, base: emptyBase(context.id) }));
}

export class PolicyPart implements Service {
  readonly name = 'network-policies';
  readonly #context: NetworkContext;
  readonly #table: PolicyTable;
  readonly #program: PolicyProgram;
  readonly #policies: Informer<NetworkPolicy>;
  readonly #refused: NumberSeries;
  readonly #stop = new AbortController();
  readonly #undo: (() => void)[] = [];
  /** What the agent said of the addresses of pods here, by key. */
  readonly #told = new Map<string, readonly string[]>();
  #sources: Promise<void> | undefined;
  /** Undefined: nothing of ours is in the kernel yet. */
  #isFramed: boolean | undefined;
  #isDirty = false;
  #isRunning = false;
  #rounds: Promise<void> = Promise.resolve();

  constructor(context: NetworkContext, table: PolicyTable) {
    this.#context = context;
    this.#table = table;
    this.#program = new PolicyProgram(context);
    this.#policies = context.informers.informer(networkPolicies);
    const refused = {
      name: 'naru_network_policy_refusals_total',
      help: 'Policies and peers of theirs that could not be taken as they are.',
    };
    this.#refused = context.metrics.counter(refused).with();
  }

  /** Does not wait for the API. */
  start(): Promise<void> {
    this.#undo.push(
      this.#policies.addHandler(either((key, policy) => this.#change(() => this.#setPolicy(key, policy)))),
      this.#context.machine.addPodGate((pod, addresses) => this.#gate(pod, addresses)),
    );
    this.#change(() => {});
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    for (const undo of this.#undo.splice(0)) undo();
    await this.#table.close();
    await this.#rounds;
  }

  /** Everything else that policies need, with the first of them. */
  #open(): Promise<void> {
    this.#sources ??= this.#openAll();
    return this.#sources;
  }

  async #openAll(): Promise<void> {
    const { informers, nodeName } = this.#context;
    const program = this.#program;
    const set = {
      pods: informers.informer(pods),
      namespaces: informers.informer(namespaces),
      nodes: informers.informer(nodes),
      services: informers.informer(services),
    };
    const isOwn = ({ metadata }: Node): boolean => metadata?.name === nodeName;
    this.#undo.push(
      set.namespaces.addHandler(either((key, namespace) => this.#change(() => program.setNamespace(key, namespace)))),
      set.nodes.addHandler(either((_, node) => node && isOwn(node) && this.#change(() => this.#setRanges(node)))),
      set.services.addHandler(
        either((key, service) => {
          if (key !== `${dnsService.namespace}/${dnsService.name}`) return;
          this.#change(() => program.setPod(dnsPeerKey, service && dnsPeer(service)));
        }),
      ),
      set.pods.addHandler(either((key, pod) => this.#change(() => this.#setPod(key, pod)))),
    );
    await Promise.all(Object.values(set).map(({ synced }) => synced));
  }

  #setPolicy(key: string, policy: NetworkPolicy | undefined): void {
    const problems = this.#program.setPolicy(key, policy);
    if (policy === undefined) return;
    for (const problem of problems) this.#tell(policy, 'InvalidPeer', `left out of the policy: ${problem}`);
  }

  #setRanges({ metadata, spec }: Node): void {
    const ranges = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
    try {
      this.#program.setLocalRanges(ranges);
    } catch (error) {
      this.#context.log.error('the ranges of this node are no ranges', { node: metadata?.name, ranges, error });
    }
  }

  #setPod(key: string, pod: Pod | undefined): void {
    if (pod === undefined) this.#told.delete(key);
    const addresses = this.#told.get(key);
    this.#program.setPod(key, pod && addresses ? withAddresses(pod, addresses) : pod);
  }

  /** Resolves when what the policies say of the pod holds in the kernel. */
  async #gate(pod: Pod, addresses: readonly string[]): Promise<void> {
    if (!this.#policies.hasSynced) await this.#atMost(gateMsMax, this.#policies.synced);
    if (!this.#program.isActive || this.#stop.signal.aborted) return;
    const key = objectKey(pod);
    this.#told.set(key, addresses);
    // The agent may know the pod's labels later than the API.
    const known = this.#context.informers.informer(pods).cache.byKey(key) ?? pod;
    this.#change(() => this.#setPod(key, known));
    await this.#atMost(gateMsMax, this.#rounds);
  }

  async #atMost(ms: number, event: Promise<void>): Promise<void> {
    const over = new AbortController();
    const late = this.#context.clock.sleep(ms, AbortSignal.any([over.signal, this.#stop.signal])).catch(() => {});
    await Promise.race([event, late]);
    over.abort();
  }

  #change(act: () => void): void {
    act();
    this.#isDirty = true;
    if (!this.#isRunning) this.#rounds = this.#run();
  }

  /** One transaction at a time, for all that changed until it began. Never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    await this.#unlessStopped(this.#policies.synced);
    while (this.#isDirty && !this.#stop.signal.aborted) {
      if (this.#program.isActive) await this.#unlessStopped(this.#open());
      this.#isDirty = false;
      if (!this.#stop.signal.aborted) await this.#apply().catch((error: unknown) => this.#report(error));
    }
    this.#isRunning = false;
  }

  /** The keeper tries again by itself: it rejects when it is closed. */
  #report(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#context.log.error('network policies could not be applied', { error });
  }

  async #unlessStopped(event: Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    signal.addEventListener('abort', stop, { once: true });
    await Promise.race([event, stopped]);
    signal.removeEventListener('abort', stop);
  }

  async #apply(): Promise<void> {
    const program = this.#program;
    const changes = program.take();
    if (changes.length === 0 && this.#isFramed === program.isActive) return;
    if (this.#isFramed !== program.isActive) this.#table.setBase(program.base);
    this.#isFramed = program.isActive;
    for (const { owner, fragment } of changes) this.#table.set(owner, fragment);
    this.#judge(await this.#table.apply());
  }

  /** A policy that the kernel refuses is closed; what was refused with it, because it leads there, is tried again. */
  #judge(refusals: readonly NftRefusal[]): void {
    const others: NftRefusal[] = [];
    let isClosed = false;
    for (const refusal of refusals) {
      const key = /^policy\/(.+)$/.exec(refusal.owner)?.[1];
      if (key === undefined || !this.#program.closePolicy(key)) {
        others.push(refusal);
        continue;
      }
      isClosed = true;
      const policy = this.#policies.cache.byKey(key);
      const why = `nft refuses what the policy says, so it isolates its pods and allows nothing: ${refusal.message}`;
      if (policy !== undefined) this.#tell(policy, 'Refused', why);
    }
    if (isClosed) {
      this.#program.again(others.map(({ owner }) => owner));
      this.#isDirty = true;
    } else if (others.length > 0) {
      this.#context.log.error('nft refuses rules of network policies', { refusals: others });
    }
  }

  #tell(policy: NetworkPolicy, reason: string, message: string): void {
    this.#refused.add();
    this.#context.events.record(networkPolicies, policy, 'Warning', reason, message);
  }
}

function withAddresses(pod: Pod, addresses: readonly string[]): Pod {
  return { ...pod, status: { ...pod.status, podIPs: addresses.map((ip) => ({ ip })) } };
}

/** A handler that knows two cases only: it is so, or it is gone. */
function either<T extends Parameters<typeof objectKey>[0]>(
  act: (key: string, object: T | undefined) => void,
): InformerHandler<T> {
  return {
    added: (object) => act(objectKey(object), object),
    updated: (object) => act(objectKey(object), object),
    deleted: (object) => act(objectKey(object), undefined),
  };
}
