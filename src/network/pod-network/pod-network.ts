/**
 * The pod network of a node: follows the cluster's nodes, this machine's interfaces and the node's own pods, and brings routes, the tunnel and the table of
 * nftables to what they ask for. What is decided stands in `routes.ts` and `table.ts`.
 *
 * Kept true: what an earlier agent left stays until all nodes were listed, and is changed by the difference; a node that is gone from the API loses its
 * routes, one that is merely lost keeps them. The kernel is looked at again when an interface changes, and every minute.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { Informer } from '../../client/informer.ts';
import { namespaces, nodes, pods } from '../../client/resources.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import type { Service } from '../../lib/service.ts';
import type { SectionSource } from '../configuration.ts';
import type { NetworkContext } from '../context.ts';
import { NftKeeper } from '../kernel/nft-keeper.ts';
import { type BandwidthLimit, bandwidthLimit, egressFragment, ingressQueue } from './bandwidth.ts';
import { type Following, machineCommands, type NetworkCommands } from './commands.ts';
import { KernelNetwork } from './kernel-network.ts';
import { type KernelRoutes, tunnelDevice } from './kernel-routes.ts';
import { type NetworkNode, planRoutes, podMtu, type RoutePlan, tunnelId } from './routes.ts';
import { type PodNetworkSettings, podNetworkSettings } from './settings.ts';
import {
  changedUdpPorts,
  type HostPortMapping,
  hostPortFragment,
  hostPortMappings,
  podBase,
  surroundingsFragment,
} from './table.ts';

const lookMs = 60_000;
const applyMsMax = 5000;
/** Others' firewalls change seldom. */
const firewallLookMs = 600_000;
/** What a pod of ours does to interfaces is no news. */
const podCable = /^(?:Deleted )?\d+: veth/;

export const podNetworkPart = (context: NetworkContext): Service => new PodNetwork(context);

export class PodNetwork implements Service {
  readonly name = 'pod network';
  readonly #context: NetworkContext;
  readonly #commands: NetworkCommands;
  readonly #kernel: KernelNetwork;
  readonly #table: NftKeeper;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #settings: SectionSource<PodNetworkSettings>;
  readonly #loop: ControlLoop;
  #monitor: Following | undefined;
  #problems = new Set<string>();
  #mappings: readonly HostPortMapping[] = [];
  /** By the pod's uid. */
  #limits: ReadonlyMap<string, BandwidthLimit> = new Map();
  /** Wrong ones that were told of. */
  readonly #toldLimits = new Set<string>();
  #clusterUid: string | undefined;
  #mtu: number | undefined;
  #firewallLookAtMs = 0;

  constructor(context: NetworkContext, commands: NetworkCommands = machineCommands) {
    this.#context = context;
    this.#commands = commands;
    this.#kernel = new KernelNetwork(commands, context.id);
    this.#table = new NftKeeper({ ...context, base: podBase(context.id) });
    this.#nodes = context.informers.informer(nodes);
    const query = { fieldSelector: `spec.nodeName=${context.nodeName}` };
    this.#pods = new Informer({ ...context, resource: pods, query });
    this.#settings = context.configuration.section('podNetwork', podNetworkSettings);
    this.#loop = new ControlLoop({
      ...context,
      name: 'pod-network',
      workers: 1,
      informers: [this.#nodes, this.#pods],
      reconcile: (key) => (key === 'pods' ? this.#bringPods() : this.#bringRoutes()),
      begin: () => this.#begin(),
    });
  }

  /** @throws Error that names the program that is missing, and its package */
  async start(): Promise<void> {
    await this.#commands.run('nft', ['--version']);
    await this.#pods.start();
    await this.#loop.start();
  }

  async close(): Promise<void> {
    this.#monitor?.stop();
    await this.#loop.close();
    await this.#pods.close();
    await this.#table.close();
  }

  #begin(): void {
    const look = (): void => this.#loop.queue.add('routes');
    const map = (): void => this.#loop.queue.add('pods');
    this.#nodes.addHandler({
      added: look,
      updated: (node, previous) => isDeepStrictEqual(networkNode(node), networkNode(previous)) || look(),
      deleted: look,
    });
    this.#pods.addHandler({ added: map, updated: map, deleted: (pod) => this.#forget(pod, map) });
    this.#settings.onChange(look);
    look();
    map();
  }

  #forget({ metadata }: Pod, map: () => void): void {
    for (const told of this.#toldLimits) if (told.startsWith(`${metadata?.uid}:`)) this.#toldLimits.delete(told);
    map();
  }

  async #bringRoutes(): Promise<Outcome> {
    const { clock, nodeName } = this.#context;
    const all = this.#nodes.cache.list().map(networkNode);
    const own = all.find(({ name }) => name === nodeName);
    // Without ranges there are no pods; the Node's change tells.
    if (own === undefined || own.ranges.length === 0) return done;
    const others = all.filter((node) => node !== own);
    if (others.length > 0) this.#follow();
    const kernel = await this.#kernel.look();
    await this.#useMtu(own, kernel);
    const plan = await this.#plan(own, others, kernel);
    this.#tell(plan);
    // Before the routes: a pod that could reach a new node's pods already would come to them masqueraded.
    this.#table.set('surroundings', this.#surroundings(own, all));
    await this.#applied();
    const failure = await this.#kernel.bring(plan, kernel).catch((error: unknown) => error);
    await this.#kernel.letForward(own.ranges, devicesOf(kernel), plan.tunnel?.device);
    if (clock.monotonic() >= this.#firewallLookAtMs) {
      await this.#kernel.passFirewall(own.ranges);
      this.#firewallLookAtMs = clock.monotonic() + firewallLookMs;
    }
    if (failure !== undefined) throw failure;
    return after(lookMs);
  }

  /** The keeper asks nft until it answers; routes need not wait for that. */
  async #applied(): Promise<void> {
    const stopWaiting = new AbortController();
    const late = this.#context.clock.sleep(applyMsMax, stopWaiting.signal).catch(() => {});
    await Promise.race([this.#table.apply(), late]);
    stopWaiting.abort(new Error('applied'));
  }

  async #plan(own: NetworkNode, others: readonly NetworkNode[], { links }: KernelRoutes): Promise<RoutePlan> {
    const { backend, vxlan } = this.#settings.current;
    const usesTunnel = others.length > 0 && (backend === 'auto' || backend === 'vxlan');
    const id = vxlan.id || (usesTunnel ? tunnelId(await this.#cluster()) : 1);
    const tunnel = { device: tunnelDevice(this.#context.id), id, port: vxlan.port, mtu: this.#mtu ?? 1280 };
    return planRoutes({ own, others, links, backend, tunnel });
  }

  #surroundings(own: NetworkNode, all: readonly NetworkNode[]) {
    const { masquerade, nonMasqueradeCIDRs } = this.#settings.current;
    return surroundingsFragment({
      own: own.ranges,
      podRanges: all.flatMap(({ ranges }) => ranges),
      nodeAddresses: all.flatMap(({ addresses }) => addresses),
      masquerade,
      nonMasqueradeCIDRs,
    });
  }

  /** What tells this cluster from others. */
  async #cluster(): Promise<string> {
    if (this.#clusterUid === undefined) {
      const { items } = await this.#context.client.list(namespaces, { fieldSelector: 'metadata.name=kube-system' });
      this.#clusterUid = items[0]?.metadata?.uid;
    }
    return this.#clusterUid ?? '';
  }

  async #useMtu(own: NetworkNode, { links }: KernelRoutes): Promise<void> {
    const { backend, mtu: told } = this.#settings.current;
    const [address = ''] = own.addresses;
    const underlay = links.find(({ addresses }) => addresses.some((one) => one.address === address));
    const mtu = told || (underlay === undefined ? undefined : podMtu(backend, underlay.mtu, address));
    if (mtu === undefined || mtu === this.#mtu) return;
    await this.#context.machine.usePodMtu(mtu);
    this.#mtu = mtu;
  }

  /** Once, until it is otherwise: an event about each node at fault. */
  #tell({ problems }: RoutePlan): void {
    const { events, log } = this.#context;
    const now = new Set<string>();
    for (const { node: name, message } of problems) {
      const text = `${name}: ${message}`;
      now.add(text);
      if (this.#problems.has(text)) continue;
      log.warn('a node is not reached as it should be', { about: name, problem: message });
      const node = this.#nodes.cache.byKey(name);
      if (node !== undefined)
        events.record(nodes, node, 'Warning', 'PodNetworkProblem', `Node ${this.#context.nodeName} says: ${message}`);
    }
    this.#problems = now;
  }

  /** Interfaces come and go, and take routes with them. */
  #follow(): void {
    if (this.#monitor?.isOver === false) return;
    this.#monitor = this.#commands.follow('ip', ['-o', 'monitor', 'link', 'address'], (line) => {
      if (!podCable.test(line)) this.#loop.queue.add('routes');
    });
  }

  async #bringPods(): Promise<Outcome> {
    await this.#bringPorts();
    await this.#bringBandwidth();
    return done;
  }

  /** A pod that wants no limit costs a look at its annotations. */
  async #bringBandwidth(): Promise<void> {
    const before = this.#limits;
    const limits = new Map(this.#pods.cache.list().flatMap((pod) => this.#limitOf(pod)));
    if (isDeepStrictEqual(limits, before)) return;
    this.#table.set('bandwidth', egressFragment([...limits.values()]));
    await this.#table.apply();
    for (const [uid, limit] of limits) {
      if (isDeepStrictEqual(limit, before.get(uid))) continue;
      await this.#kernel.limitIngress(limit.addresses[0] ?? '', ingressQueue(limit));
    }
    this.#limits = limits;
  }

  #limitOf(pod: Pod): (readonly [uid: string, limit: BandwidthLimit])[] {
    try {
      const limit = bandwidthLimit(pod);
      return limit === undefined ? [] : [[pod.metadata?.uid ?? '', limit]];
    } catch (error) {
      const { message } = error as Error;
      const told = `${pod.metadata?.uid}: ${message}`;
      if (!this.#toldLimits.has(told)) this.#context.events.record(pods, pod, 'Warning', 'InvalidBandwidth', message);
      this.#toldLimits.add(told);
      return [];
    }
  }

  async #bringPorts(): Promise<void> {
    const before = this.#mappings;
    const mappings = hostPortMappings(this.#pods.cache.list());
    if (isDeepStrictEqual(mappings, before)) return;
    this.#table.set('host ports', hostPortFragment(mappings));
    await this.#table.apply();
    const known = new Set(before.map(({ address }) => address));
    const fresh = new Set(
      mappings.map(({ address }) => address).filter((one) => !known.has(one) && !one.includes(':')),
    );
    for (const address of fresh) await this.#kernel.letAskByLoopback(address);
    const udp = changedUdpPorts(before, mappings);
    if (udp.length > 0) await this.#kernel.forgetSenders(udp, this.#ownAddresses());
    this.#mappings = mappings;
  }

  #ownAddresses(): readonly string[] {
    const own = this.#nodes.cache.byKey(this.#context.nodeName);
    return own === undefined ? [] : networkNode(own).addresses;
  }
}

function networkNode({ metadata, spec, status }: Node): NetworkNode {
  const { podCIDR, podCIDRs = podCIDR ? [podCIDR] : [] } = spec ?? {};
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  const addresses = internal.flatMap(({ address }) => canonicalIp(address)?.text ?? []);
  return { name: metadata?.name ?? '', addresses, ranges: podCIDRs };
}

/** Those that may listen to routers. */
function devicesOf({ links }: KernelRoutes): string[] {
  return links.filter(({ name }) => name !== 'lo' && !/^(?:veth|naru-)/.test(name)).map(({ name }) => name);
}
