/**
 * The service proxy of a node: follows Services and their endpoints, and keeps the node's table as they want it.
 *
 * ```
 *   a Service or a slice changed ─▶ dirty ─▶ its program (pure) ─▶ keeper: one transaction ─▶ stale UDP flows, health checks
 * ```
 * Kept true: nothing is programmed before all that is read has come in once, so that what an earlier agent left serves on while the server is away. A round
 * takes all that is dirty, and costs what changed. What the kernel refuses of one Service is told as an event on it, and the others are served.
 */
import type { Service as KubeService, Node } from '../../api/schema/types/core-v1.ts';
import type { ServiceCIDR } from '../../api/schema/types/networking-v1.ts';
import type { Informer } from '../../client/informer.ts';
import { endpointSlices, nodes, serviceCidrs, services } from '../../client/resources.ts';
import { eventLoopTurn } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import type { NetworkContext } from '../context.ts';
import { NftKeeper } from '../kernel/nft-keeper.ts';
import type { NftElement, NftRefusal } from '../kernel/nft-table.ts';
import { ServiceDirectory } from '../services/service-directory.ts';
import { type ClusterFacts, ExternalClaims } from './cluster-addresses.ts';
import { StaleFlows, type UdpFrontend, udpFrontends } from './conntrack.ts';
import { type ServiceProgram, serviceProgram } from './fragment.ts';
import { type HealthCheck, HealthChecks } from './health-checks.ts';
import { ProxyMetrics } from './metrics.ts';
import { factsOf, healthCheckOf, type NodeFacts, unnested } from './node-facts.ts';
import { proxiedPorts, rangeFamily } from './service-ports.ts';
import { type Pick, pickChain, pickName, proxyBase } from './table.ts';

/** So many Services are computed before others in this process get their turn. */
const atATime = 100;
/** The Service whose endpoints are the API servers. */
const apiService = 'default/kubernetes';
/** Owners of what no Service has. */
const rangesOwner = 'ranges';
const pickOwner = (pick: Pick): string => `pick ${pickName(pick)}`;

export interface ServiceProxyOptions {
  readonly staleFlows?: StaleFlows;
  readonly healthChecks?: HealthChecks;
}

export class ServiceProxy implements Service {
  readonly name = 'service-proxy';
  readonly #context: NetworkContext;
  readonly #directory: ServiceDirectory;
  readonly #nodes: Informer<Node>;
  readonly #ranges: Informer<ServiceCIDR>;
  readonly #keeper: NftKeeper;
  readonly #staleFlows: StaleFlows;
  readonly #healthChecks: HealthChecks;
  readonly #metrics: ProxyMetrics;
  readonly #programs = new Map<string, ServiceProgram>();
  /** How many programs use a chain. */
  readonly #picks = new Map<string, number>();
  readonly #dirty = new Set<string>();
  readonly #claims = new ExternalClaims(() => this.#clusterFacts());
  /** By Service: what it claims in vain. */
  readonly #refused = new Map<string, string>();
  readonly #stops: (() => void)[] = [];
  #facts: NodeFacts = { zone: '', podRanges: [] };
  #rangesChanged = true;
  #isReady = false;
  #isClosed = false;
  #working: Promise<void> | undefined;

  constructor(context: NetworkContext, options: ServiceProxyOptions = {}) {
    this.#context = context;
    const log = context.log.with({ network: this.name });
    this.#metrics = new ProxyMetrics(context.metrics, context.clock, () => this.#dirty.size);
    this.#stops.push(this.#metrics.follow(context.informers.informer(endpointSlices)));
    this.#directory = new ServiceDirectory(context.informers);
    this.#nodes = context.informers.informer(nodes);
    this.#ranges = context.informers.informer(serviceCidrs);
    this.#keeper = new NftKeeper({ ...context, log, base: proxyBase(context.id, false) });
    this.#staleFlows = options.staleFlows ?? new StaleFlows(log);
    this.#healthChecks =
      options.healthChecks ?? new HealthChecks({ log, failed: (check, why) => this.#tellHealthCheck(check, why) });
  }

  /** Does not wait for the server. */
  start(): Promise<void> {
    const node = (object: Node): void => this.#nodeChanged(object);
    const ranges = (): void => {
      this.#rangesChanged = true;
      this.#judgeAgain();
    };
    this.#stops.push(
      this.#directory.onChange((key) => {
        this.#dirty.add(key);
        this.#metrics.queued();
        if (key === apiService) this.#judgeAgain();
        else this.#work();
      }),
      this.#nodes.addHandler({
        added: (object) => {
          node(object);
          this.#judgeAgain();
        },
        updated: (object, previous) => {
          node(object);
          if (String(factsOf(object).podRanges) !== String(factsOf(previous).podRanges)) this.#judgeAgain();
        },
        deleted: () => this.#judgeAgain(),
      }),
      this.#ranges.addHandler({ added: ranges, updated: ranges, deleted: ranges }),
    );
    void this.#begin();
    return Promise.resolve();
  }

  /** The rules stay. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#directory.close();
    this.#healthChecks.close();
    await this.#keeper.close();
    await this.#working;
  }

  async #begin(): Promise<void> {
    await Promise.all([this.#directory.synced, this.#nodes.synced, this.#ranges.synced]);
    if (this.#isClosed) return;
    for (const key of this.#directory.keys()) this.#dirty.add(key);
    this.#isReady = true;
    this.#work();
  }

  #nodeChanged(node: Node): void {
    if (node.metadata?.name !== this.#context.nodeName) return;
    const facts = factsOf(node);
    const before = this.#facts;
    this.#facts = facts;
    if (facts.podRanges.join() !== before.podRanges.join()) this.#rangesChanged = true;
    // Another zone: other endpoints are near.
    if (facts.zone !== before.zone) for (const key of this.#directory.keys()) this.#dirty.add(key);
    this.#work();
  }

  /** The cluster has other addresses of its own: who claims some is looked at again. */
  #judgeAgain(): void {
    for (const key of this.#claims.changed()) this.#dirty.add(key);
    this.#work();
  }

  #clusterFacts(): ClusterFacts {
    const apiServers = this.#directory
      .slices(apiService)
      .flatMap(({ endpoints, ports }) =>
        (endpoints ?? []).flatMap(({ addresses }) =>
          addresses.flatMap((ip) => (ports ?? []).map(({ port = 0 }) => ({ ip, port }))),
        ),
      );
    const podRanges = this.#nodes.cache.list().flatMap((node) => factsOf(node).podRanges);
    return { ranges: [...this.#serviceRanges(), ...podRanges], apiServers };
  }

  #serviceRanges(): readonly string[] {
    return this.#ranges.cache.list().flatMap(({ spec }) => spec?.cidrs ?? []);
  }

  #work(): void {
    if (!this.#isReady || this.#isClosed || this.#working !== undefined) return;
    if (this.#dirty.size === 0 && !this.#rangesChanged) return;
    this.#working = this.#round()
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#context.log.error('a round of the service proxy failed', { error });
      })
      .then(() => {
        this.#working = undefined;
        this.#work();
      });
  }

  async #round(): Promise<void> {
    const done = this.#metrics.round();
    if (this.#rangesChanged) this.#setRanges();
    const keys = [...this.#dirty];
    this.#dirty.clear();
    const frontends: UdpFrontend[] = [];
    for (const [at, key] of keys.entries()) {
      if (at % atATime === atATime - 1) await eventLoopTurn();
      frontends.push(...this.#program(key));
    }
    const refusals = await this.#keeper.apply();
    done(refusals.length);
    for (const refusal of refusals) this.#tell(refusal);
    await this.#staleFlows.forget(frontends);
  }

  #setRanges(): void {
    this.#rangesChanged = false;
    const { podRanges } = this.#facts;
    const elements = (set: string, ranges: readonly string[]): NftElement[] =>
      unnested(ranges).map((key) => ({ set: `${set}${rangeFamily(key) === 'IPv4' ? '4' : '6'}`, key }));
    this.#keeper.setBase(proxyBase(this.#context.id, podRanges.length > 0));
    this.#keeper.set(rangesOwner, {
      elements: [...elements('pods', podRanges), ...elements('service-ranges', this.#serviceRanges())],
    });
  }

  /** Says to the keeper what a Service is to have now; gives where its UDP clients send. */
  #program(key: string): readonly UdpFrontend[] {
    const { nodeName } = this.#context;
    const service = this.#directory.service(key);
    const place = { nodeName, zone: this.#facts.zone };
    const wanted =
      service === undefined
        ? []
        : proxiedPorts(service, place, (port, family) => this.#directory.endpoints(service, port, family));
    const { ports, refused } = this.#claims.judged(key, wanted);
    this.#tellRefused(key, refused);
    const before = this.#programs.get(key);
    const next = ports.length === 0 ? undefined : serviceProgram(key, ports, before?.slots ?? new Map(), nodeName);
    for (const pick of next?.picks ?? []) this.#use(pick, 1);
    for (const pick of before?.picks ?? []) this.#use(pick, -1);
    if (next === undefined) this.#programs.delete(key);
    else this.#programs.set(key, next);
    if (next !== undefined || before !== undefined) this.#keeper.set(key, next?.fragment);
    this.#healthChecks.set(
      key,
      service === undefined ? undefined : healthCheckOf(key, service, nodeName, this.#directory),
    );
    return udpFrontends(ports);
  }

  #use(pick: Pick, more: 1 | -1): void {
    const name = pickName(pick);
    const uses = (this.#picks.get(name) ?? 0) + more;
    if (uses === 0) this.#picks.delete(name);
    else this.#picks.set(name, uses);
    if (uses === 0) this.#keeper.set(pickOwner(pick), undefined);
    else if (more === 1 && uses === 1) this.#keeper.set(pickOwner(pick), { chains: { [name]: pickChain(pick) } });
  }

  #tell({ owner, message }: NftRefusal): void {
    this.#context.log.error('the kernel does not take rules of the service proxy', { owner, message });
    const service = this.#directory.service(owner);
    if (service === undefined) return;
    this.#record(
      service,
      'FailedToProgramService',
      `Node ${this.#context.nodeName} cannot serve all of it: ${message}`,
    );
  }

  /** Once, until it claims something else. */
  #tellRefused(key: string, refused: readonly string[]): void {
    const addresses = refused.join(', ');
    if (addresses === (this.#refused.get(key) ?? '')) return;
    if (addresses === '') this.#refused.delete(key);
    else this.#refused.set(key, addresses);
    const service = this.#directory.service(key);
    if (service === undefined || addresses === '') return;
    const message = `externalIPs: ${addresses} cannot be had: they are of Services, of pods or of the API server`;
    this.#context.log.warn('a Service claims addresses of the cluster itself', { service: key, addresses });
    this.#record(service, 'ForbiddenExternalIP', message);
  }

  #tellHealthCheck({ service: key, port }: HealthCheck, why: string): void {
    const service = this.#directory.service(key);
    if (service === undefined) return;
    const { nodeName } = this.#context;
    this.#record(
      service,
      'FailedToStartServiceHealthcheck',
      `node ${nodeName} failed to start healthcheck ${JSON.stringify(key)} on port ${port}: ${why}`,
    );
  }

  #record(service: KubeService, reason: string, message: string): void {
    this.#context.events.record(services, service, 'Warning', reason, message);
  }
}
