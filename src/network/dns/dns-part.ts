/**
 * The cluster's DNS on a node: follows the cluster by informers, listens on the address of the Service `kube-system/kube-dns`, and keeps what it knows on
 * disk for a start without the server. What it answers say `resolver.ts` and `records.ts`.
 *
 * It runs in the main thread: an answer from memory takes some 10 µs of it beside the system's 20, and a thread of its own takes 10 MB.
 */
import path from 'node:path';
import type { KubeObject } from '../../api/object.ts';
import type { Service as KubeService, Node } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { ServiceCIDR } from '../../api/schema/types/networking-v1.ts';
import type { Informer, InformerHandler } from '../../client/informer.ts';
import { endpointSlices, namespaces, nodes, serviceCidrs, services } from '../../client/resources.ts';
import type { Timer } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import type { SectionSource } from '../configuration.ts';
import type { NetworkContext } from '../context.ts';
import { Forwarder, type ServerGroup } from './forwarder.ts';
import { Listeners, type LocalAddresses, systemAddresses } from './listeners.ts';
import { MachineResolvers } from './machine-resolvers.ts';
import { DnsMetrics } from './metrics.ts';
import { Resolver } from './resolver.ts';
import { type DnsSettings, dnsSection } from './settings.ts';
import { readSnapshot, type Snapshot, writeSnapshot } from './snapshot.ts';
import { type Exchange, exchange } from './upstream.ts';
import { clusterAddresses, ownerOf, Zone } from './zone.ts';

/** The Service whose addresses are the cluster's name server's. */
const dnsService = 'kube-system/kube-dns';
const snapshotMsMin = 5000;
/** Writing takes at most that part of the time. */
const snapshotShare = 1 / 50;
const reportMsMin = 1000;

/** What is other in tests. */
export interface DnsPartOptions {
  readonly port?: number;
  readonly addresses?: LocalAddresses;
  readonly exchange?: Exchange;
  readonly resolvFiles?: { readonly main: string; readonly behindStub: string };
}

export function clusterDns(context: NetworkContext, options: DnsPartOptions = {}): ClusterDns {
  return new ClusterDns(context, options);
}

export class ClusterDns implements Service {
  readonly name = 'dns';
  readonly resolver: Resolver;
  readonly listeners: Listeners;
  readonly #context: NetworkContext;
  readonly #settings: SectionSource<DnsSettings>;
  readonly #forwarder: Forwarder;
  readonly #machine: MachineResolvers;
  readonly #informers: {
    readonly services: Informer<KubeService>;
    readonly slices: Informer<EndpointSlice>;
    readonly namespaces: Informer<KubeObject>;
    readonly nodes: Informer<Node>;
    readonly cidrs: Informer<ServiceCIDR>;
  };
  readonly #ends: (() => void)[] = [];
  #kept: Snapshot | undefined;
  #isSynced = false;
  #isClosed = false;
  #writing: Promise<void> = Promise.resolve();
  #writeTimer: Timer | undefined;
  #snapshotMs = snapshotMsMin;
  #lastReportMs = Number.NEGATIVE_INFINITY;
  #unreported = 0;

  constructor(context: NetworkContext, options: DnsPartOptions) {
    const { informers, clock, prng, log } = context;
    this.#context = context;
    this.#settings = context.configuration.section('dns', dnsSection);
    this.#informers = {
      services: informers.informer(services),
      slices: informers.informer(endpointSlices),
      namespaces: informers.informer(namespaces),
      nodes: informers.informer(nodes),
      cidrs: informers.informer(serviceCidrs),
    };
    const metrics = new DnsMetrics(context.metrics, clock);
    const report = (message: string, fields: Readonly<Record<string, unknown>>): void => this.#report(message, fields);
    this.#machine = new MachineResolvers({
      clock,
      changed: () => this.#forwarder.clear(),
      ...(options.resolvFiles && { files: options.resolvFiles }),
    });
    this.#forwarder = new Forwarder({
      clock,
      exchange: metrics.exchange(options.exchange ?? exchange),
      servedStale: () => metrics.servedStale(),
      cacheSeconds: () => this.#settings.current.cacheSeconds,
      report,
    });
    this.resolver = new Resolver(
      {
        forwarder: this.#forwarder,
        upstreams: () => this.#upstreams(),
        settings: this.#settings.current,
        clock,
        prng,
        forwarded: (from) => metrics.forwarded(from),
        told: ({ name, type }, code) => {
          if (this.#settings.current.log) log.info('a DNS question was answered', { name, type, code });
        },
      },
      (changed) => new Zone(() => this.#networks(), changed),
    );
    this.listeners = new Listeners({
      addresses: options.addresses ?? systemAddresses(context.folder),
      port: options.port ?? 53,
      answer: metrics.answerer((bytes, transport) => this.resolver.answer(bytes, transport)),
      report,
      clock,
      log,
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.#loadSnapshot(), this.#machine.look()]);
    this.#ends.push(this.#settings.onChange((settings) => this.resolver.configure(settings)));
    this.#follow();
    void this.#whenSynced();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#ends.splice(0)) end();
    this.#forwarder.close();
    await this.listeners.close();
    const isDue = this.#writeTimer !== undefined;
    this.#writeTimer?.cancel();
    if (isDue) this.#write();
    await this.#writing;
  }

  get #zone(): Zone {
    return this.resolver.zone;
  }

  #follow(): void {
    const zone = this.#zone;
    this.#on(this.#informers.services, {
      put: (service) => {
        zone.putService(service);
        if (nameOf(service) === dnsService) this.#listen(service);
      },
      remove: (service) => zone.removeService(nameOf(service)),
    });
    this.#on(this.#informers.slices, {
      put: (slice) => zone.putSlice(slice),
      remove: (slice) => zone.removeSlice(slice),
    });
    this.#on(this.#informers.namespaces, {
      put: ({ metadata }) => zone.putNamespace(metadata?.name ?? ''),
      remove: ({ metadata }) => zone.removeNamespace(metadata?.name ?? ''),
    });
    const networksChanged = { put: () => zone.networksChanged(), remove: () => zone.networksChanged() };
    this.#on(this.#informers.nodes, networksChanged, (node) => String(node.spec?.podCIDRs));
    this.#on(this.#informers.cidrs, networksChanged);
  }

  /** @param significance an update that leaves it the same is none */
  #on<T extends KubeObject>(
    informer: Informer<T>,
    { put, remove }: { put(object: T): void; remove(object: T): void },
    significance?: (object: T) => string,
  ): void {
    const after = (): void => this.#soonWrite();
    const handler: InformerHandler<T> = {
      added(object) {
        put(object);
        after();
      },
      updated(object, previous) {
        if (significance !== undefined && significance(object) === significance(previous)) return;
        put(object);
        after();
      },
      deleted(object) {
        remove(object);
        after();
      },
    };
    this.#ends.push(informer.addHandler(handler));
  }

  /** From now on, what nobody told of is absent; what the snapshot had and the cluster no longer has goes. */
  async #whenSynced(): Promise<void> {
    const all = Object.values(this.#informers);
    await Promise.all(all.map(({ synced }) => synced));
    if (this.#isClosed) return;
    const { services: serviceInformer, slices, namespaces: namespaceInformer } = this.#informers;
    for (const service of this.#kept?.services ?? [])
      if (serviceInformer.cache.byKey(nameOf(service)) === undefined) this.#zone.removeService(nameOf(service));
    for (const slice of this.#kept?.slices ?? [])
      if (slices.cache.byKey(nameOf(slice)) === undefined) this.#zone.removeSlice(slice);
    for (const name of this.#kept?.namespaces ?? [])
      if (namespaceInformer.cache.byKey(name) === undefined) this.#zone.removeNamespace(name);
    this.#kept = undefined;
    this.#isSynced = true;
    this.#zone.isKnown = true;
    this.#zone.networksChanged();
    this.#soonWrite();
  }

  async #loadSnapshot(): Promise<void> {
    try {
      this.#kept = await readSnapshot(this.#file);
    } catch (error) {
      this.#context.log.warn('the names kept for a start without the server cannot be read', { error });
    }
    if (this.#kept === undefined) return;
    for (const service of this.#kept.services) this.#zone.putService(service);
    for (const slice of this.#kept.slices) this.#zone.putSlice(slice);
    for (const name of this.#kept.namespaces) this.#zone.putNamespace(name);
    this.#zone.isKnown = true;
    const own = this.#zone.service(dnsService);
    if (own !== undefined) this.#listen(own);
  }

  /** The last addresses stay where the Service was removed: pods have them in their resolv.conf. */
  #listen(service: KubeService): void {
    const addresses = clusterAddresses(service);
    if (addresses.length === 0 || String(addresses) === String(this.resolver.serverAddresses)) return;
    this.resolver.serverAddresses = addresses;
    this.resolver.forgetAnswers();
    void this.listeners.listenOn(addresses);
  }

  #upstreams(): ServerGroup {
    const own = this.resolver.serverAddresses;
    const { upstreams } = this.#settings.current;
    const servers = upstreams.length > 0 ? upstreams : this.#machine.servers(own);
    return { name: '', servers: servers.filter(({ address }) => !own.includes(address)) };
  }

  #networks(): readonly string[] {
    if (this.#kept !== undefined) return this.#kept.networks;
    const { nodes: nodeInformer, cidrs } = this.#informers;
    return [
      ...nodeInformer.cache.list().flatMap(({ spec }) => spec?.podCIDRs ?? []),
      ...cidrs.cache.list().flatMap(({ spec }) => spec?.cidrs ?? []),
    ];
  }

  get #file(): string {
    return path.join(this.#context.folder, 'dns-names.jsonl');
  }

  #soonWrite(): void {
    if (!this.#isSynced || this.#isClosed || this.#writeTimer !== undefined) return;
    this.#writeTimer = this.#context.clock.after(this.#snapshotMs, () => this.#write());
  }

  #write(): void {
    this.#writeTimer = undefined;
    const { clock, log } = this.#context;
    const startedMs = clock.monotonic();
    this.#writing = this.#writing
      .then(() => writeSnapshot(this.#file, this.#zone, this.#networks()))
      .then(() => {
        this.#snapshotMs = Math.max(snapshotMsMin, (clock.monotonic() - startedMs) / snapshotShare);
      })
      .catch((error: unknown) => log.warn('the names for a start without the server cannot be kept', { error }));
  }

  /** At most one line a second: what goes wrong with one question goes wrong with thousands. */
  #report(message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#context.clock.monotonic();
    if (now - this.#lastReportMs < reportMsMin) {
      this.#unreported++;
      return;
    }
    this.#context.log.warn(message, { ...fields, ...(this.#unreported > 0 && { unreported: this.#unreported }) });
    this.#lastReportMs = now;
    this.#unreported = 0;
  }
}

function nameOf({ metadata }: KubeObject): string {
  return ownerOf.service(metadata?.namespace ?? '', metadata?.name ?? '');
}
