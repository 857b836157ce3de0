/**
 * A whole cluster as a value (ARCHITECTURE.md, D8): the parts, made and started in order, stopped in reverse. The command line is a thin
 * user of this file; so is a test that wants a cluster in its own process.
 *
 * ```
 * store → API (registry, server) → control loops, scheduler ─┬─▶ agents
 * containerd ────────────────────────────────────────────────┘
 * ```
 * The store first, since all the rest is a view of it; the API before what speaks to it; agents last, since they only carry out what the
 * others decided. In reverse, agents stop taking work first, and the store is closed when nobody writes any more.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { KubeletConfiguration } from './agent/kubelet-configuration.ts';
import { LiveApi } from './api/live-api.ts';
import { resourceTable } from './api/resource-table.ts';
import { builtinSchema } from './api/schema/load.ts';
import type { Client } from './client/client.ts';
import { inProcessClient } from './client/in-process-client.ts';
import { InformerSet } from './client/informer.ts';
import type { NodeHandler } from './client/node-api.ts';
import { nodes as nodesResource, pods } from './client/resources.ts';
import { allControllers, type ControllerContext } from './controllers/index.ts';
import { type GuardFiles, makeGuard } from './guard.ts';
import { type Home, homeOf, makeClosedFolder, makeHome } from './home.ts';
import { normalizeImageName } from './images/reference.ts';
import { type Clock, RealClock } from './lib/clock.ts';
import { type Logger, silentLogger } from './lib/log.ts';
import { MetricRegistry } from './lib/metrics.ts';
import { type Prng, unseededPrng } from './lib/prng.ts';
import { type Service, ServiceGroup, ServicesTogether } from './lib/service.ts';
import { networkLoops } from './network/loops.ts';
import { containerNode, clusterCidrs as defaultClusterCidrs, removeTemporaryFolder } from './node.ts';
import { bootstrap } from './registry/bootstrap.ts';
import { CustomKinds } from './registry/custom/custom-kinds.ts';
import { DefinitionKeeper } from './registry/custom/definition-keeper.ts';
import { Registry } from './registry/registry.ts';
import type { UserInfo } from './registry/request.ts';
import { readSchedulerConfiguration } from './scheduler/config/configuration.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { Aggregator } from './server/aggregation/aggregator.ts';
import { FrontProxy } from './server/aggregation/front-proxy.ts';
import { ApiEndpoints, advertisedAddress, apiServerUser } from './server/api-endpoints.ts';
import { ApiServer } from './server/api-server.ts';
import type { Auditor } from './server/audit/auditor.ts';
import { type AuditSettings, openAuditor } from './server/audit/open-auditor.ts';
import { TrustPublisher } from './server/authentication/trust-publisher.ts';
import { CertificateAuthority } from './server/certificates/certificate-authority.ts';
import { servedAddresses } from './server/certificates/serving-names.ts';
import type { HealthCheck } from './server/health.ts';
import type { TlsSettings } from './server/http/tls-settings.ts';
import { type KubeconfigFile, KubeconfigFiles } from './server/kubeconfig-files.ts';
import { localVolumeRemoval } from './server/local-volume-removal.ts';
import { NodeConnectionTable } from './server/node-tunnel.ts';
import { OutsideWay } from './server/outside/outside.ts';
import { podDoor } from './server/pod-door.ts';
import { KeyFile } from './server/service-accounts/key-file.ts';
import { openSigningKeys, type SigningKeys } from './server/service-accounts/signing-key.ts';
import type { TokenSettings } from './server/service-accounts/tokens.ts';
import { SharedImageServer } from './server/shared-images.ts';
import type { SimulatedNodes } from './simulation/node-template.ts';
import { simulatedNodes } from './simulation/simulated-nodes.ts';
import { EncryptionKeys } from './store/encryption/encryption-keys.ts';
import { openKeyFile } from './store/encryption/key-file.ts';
import { MemoryStore } from './store/memory-store.ts';
import { ObservedStore } from './store/observed-store.ts';
import { holdsSealed } from './store/sqlite/state-survey.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import type { Store } from './store/store.ts';

export type ClusterNodes =
  /** Nodes join by themselves; `name` is this machine's, for the kubeconfig of `naru agent`. */
  | { readonly kind: 'none'; readonly name: string }
  /** This machine, with containers: Linux and root. */
  | {
      readonly kind: 'containers';
      readonly name: string;
      /** One range of a family, the primary first, with a comma between. */
      readonly podCidr: string;
      /** The machine's own, where others cannot reach its first: one of a family, with a comma between. */
      readonly address?: string | undefined;
      /** What differs from upstream's defaults. */
      readonly configuration?: Partial<KubeletConfiguration>;
    }
  /** Nodes whose pods are simulated: everywhere. */
  | { readonly kind: 'simulated'; readonly count: number; readonly template?: SimulatedNodes | undefined };

export interface ClusterOptions {
  /** Where the state is kept. Absent: in memory, and gone when the cluster is closed. */
  readonly home?: Home;
  /** 0, as where absent: a free one. */
  readonly port?: number;
  /** The address to listen on; 127.0.0.1 where absent. */
  readonly host?: string;
  /** What else the API is reached by: names and addresses for its certificate. */
  readonly names?: readonly string[] | undefined;
  /** One simulated node where absent. */
  readonly nodes?: ClusterNodes;
  readonly clock?: Clock;
  readonly prng?: Prng;
  readonly log?: Logger;
  /** Who did what is written down so; not at all where absent. */
  readonly audit?: AuditSettings;
  readonly guardFiles?: GuardFiles;
  /** Which TLS the API speaks. */
  readonly tls?: TlsSettings | undefined;
  /** Who signs service accounts' tokens, and for whom. */
  readonly tokenSettings?: TokenSettings | undefined;
  /** A `kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration`; its defaults where absent. */
  readonly schedulerConfig?: string | undefined;
  /** Where Services' addresses come from, one range or one of each family. Absent: what the state says, else 10.43.0.0/16. */
  readonly serviceCidrs?: readonly string[] | undefined;
  /** Of which nodes that come without ranges for their pods get parts, likewise; 10.42.0.0/16 where absent. */
  readonly clusterCidrs?: readonly string[] | undefined;
}

export interface Cluster {
  /** `https://127.0.0.1:6443`. */
  readonly server: string;
  /** The administrator's kubeconfig file. */
  readonly kubeconfig: string;
  /** A client in this process; the administrator's where no user is given. */
  client(user?: UserInfo): Client;
  close(): Promise<void>;
}

const administrator: UserInfo = { name: 'naru-admin', groups: ['system:masters', 'system:authenticated'] };

function component(name: string): UserInfo {
  return { name, groups: ['system:authenticated'] };
}

/** Of the cluster's own. */
function serviceAccount(name: string): UserInfo {
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

function nodeUser(node: string): UserInfo {
  return { name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] };
}

/** @throws Error, one sentence that says what is wrong on this machine, and the way out */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const temporary = options.home === undefined ? mkdtempSync(path.join(os.tmpdir(), 'naru-')) : undefined;
  const forget = (): void => {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  };
  const foundations: Foundations = {
    home: options.home ?? homeOf(temporary ?? ''),
    isDurable: temporary === undefined,
    clock: options.clock ?? new RealClock(),
    prng: options.prng ?? unseededPrng(),
    log: options.log ?? silentLogger,
  };
  const { home, clock, log } = foundations;
  try {
    makeHome(home);
    const certificates = await CertificateAuthority.open({ folder: home.certificates, clock });
    const frontProxy = await FrontProxy.open({ folder: home.certificates, clock });
    const authorities = { certificates, frontProxy };
    const tokenKeys = await openSigningKeys(home.tokenKey);
    const metrics = new MetricRegistry();
    const auditor = options.audit && (await openAuditor(options.audit, { clock, log, metrics }));
    const observation = { metrics, auditor };
    const { services, clientFor, server } = parts(options, foundations, authorities, tokenKeys, observation);
    const group = new ServiceGroup('cluster', services, { clock, log });
    await group.start();
    return {
      server: server.address,
      kubeconfig: home.kubeconfig,
      client: (user = administrator) => clientFor(user),
      close: () => group.close().finally(forget),
    };
  } catch (error) {
    forget();
    throw error;
  }
}

interface Foundations {
  readonly home: Home;
  readonly isDurable: boolean;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** Who vouches for whom. */
interface Authorities {
  readonly certificates: CertificateAuthority;
  readonly frontProxy: FrontProxy;
}

/** Where what happens is told. */
interface Observation {
  readonly metrics: MetricRegistry;
  readonly auditor: Auditor | undefined;
}

interface Parts {
  /** In the order in which they start. */
  readonly services: readonly Service[];
  readonly clientFor: (user: UserInfo) => Client;
  readonly server: ApiServer;
}

function parts(
  options: ClusterOptions,
  foundations: Foundations,
  { certificates, frontProxy }: Authorities,
  tokenKeys: SigningKeys,
  { metrics, auditor }: Observation,
): Parts {
  const { home, isDurable, clock, prng, log } = foundations;
  const kept = isDurable ? keptStore(home, options.guardFiles?.encryptionProviderConfig, { clock, log }) : undefined;
  const journaled: Store = kept?.store ?? new MemoryStore({ clock, log });
  const sizeBytes = (): number => (isDurable ? bytesOf(home.state) + bytesOf(`${home.state}-wal`) : 0);
  const store = new ObservedStore(journaled, { metrics, clock, sizeBytes });
  const api = new LiveApi(resourceTable(), builtinSchema());
  const { resources, schema } = api;
  const { guardFiles: files = {}, tokenSettings } = options;
  const connections = new NodeConnectionTable();
  const outside = new OutsideWay({ handler: () => handler, resources, nodes: connections, clock, prng });
  const guarded = { store, schema, resources, tokenKeys, tokenSettings, files, outside };
  const guard = makeGuard({ ...guarded, clock, prng, log, metrics });
  const { authorizer, authenticators, tokens, virtualResources, grants, admission } = guard;
  const handler: Registry = new Registry({
    store,
    clock,
    prng,
    schema,
    resources,
    log,
    virtualResources,
    grants,
    admission,
    serviceCidrs: options.serviceCidrs,
    outside,
  });
  const clientFor = (user: UserInfo): Client => inProcessClient({ handler, authorizer, user, resources });
  const { port = 0, host = '127.0.0.1', nodes = { kind: 'simulated', count: 1 } } = options;
  const common = { clock, prng, log };
  const aggregator = new Aggregator({ ...common, store, api, frontProxy, dialer: () => outside.dialer, metrics });
  const sharedImages = new SharedImageServer({
    ownNode: nodes.kind === 'containers' ? nodes.name : undefined,
    connections,
    nodes: () => informers.informer(nodesResource).cache.list(),
    podsOn: async (node) => (await controllerClient.list(pods, { fieldSelector: `spec.nodeName=${node}` })).items,
    canonical: normalizeImageName,
  });
  const server = new ApiServer({
    ...common,
    handler,
    aggregator,
    frontProxyAuthority: frontProxy.authority,
    authenticators,
    authorizer,
    resources,
    schema,
    host,
    port,
    names: [...servedAddresses(host, os.networkInterfaces()), ...(options.names ?? [])],
    serviceAddress: () => handler.serviceRanges.apiAddress,
    podDoor: () => podDoor(host, podRangesOf(nodes, options.clusterCidrs), handler.serviceRanges.primaryFamily),
    certificates,
    tls: options.tls,
    nodes: connections,
    agentPrograms: home.agentPrograms,
    sharedImages,
    tokens,
    metrics,
    auditor,
    healthChecks: [...healthChecks(store, () => informers.unsynced), ...guard.healthChecks],
  });
  const customKinds = new CustomKinds({ store, api, log });
  const definitions = new DefinitionKeeper({ handler, store, resources, clock, prng, log });
  const controllerClient = clientFor(component('system:kube-controller-manager'));
  const schedulerClient = clientFor(component('system:kube-scheduler'));
  const informers = new InformerSet({ ...common, client: controllerClient });
  const schedulerInformers = new InformerSet({ ...common, client: schedulerClient });
  const configuration = readSchedulerConfiguration(options.schedulerConfig);
  const podFamilies = options.clusterCidrs?.map((cidr) => (cidr.includes(':') ? 'IPv6' : 'IPv4'));
  const nodeParts = partsOfNodes(nodes, { ...foundations, clientFor, informers, podFamilies, sharedImages });
  const controlPlane: Service[] = [
    store,
    ...(kept?.services ?? []),
    customKinds,
    aggregator.index,
    ...guard.services,
    new KeyFile({ file: home.tokenKey, keys: tokenKeys, clock, log }),
    step('addresses', () => handler.putRight()),
    step('bootstrap', () => bootstrap(handler)),
    definitions,
    outside,
    server,
    new KubeconfigFiles({ files: kubeconfigs(home, nodes), address: () => server.address, certificates, clock, log }),
    new ApiEndpoints({
      ...common,
      client: clientFor(apiServerUser),
      address: () => advertisedAddress(host, handler.serviceRanges.primaryFamily),
      port: () => server.port,
    }),
    informers,
    ...allControllers(
      {
        ...common,
        client: controllerClient,
        clientFor: (account) => clientFor(serviceAccount(account)),
        informers,
        resources,
        schema,
        remoteContents: aggregator.contents,
        rootCa: certificates.certificate,
        signer: certificates,
        signAccountToken: (account, secret) => tokens.signLegacy(account, secret),
        ...nodeFacilities(nodes, options.clusterCidrs),
        removeLocalVolume: localVolumeRemoval(connections, clock),
        metrics,
      },
      networkLoops,
    ),
    ...aggregator.background({ handler, client: clientFor(apiServerUser), informers }),
    new Scheduler({ ...common, client: schedulerClient, informers: schedulerInformers, configuration, metrics }),
    schedulerInformers,
  ];
  const services = [
    new ServicesTogether('control plane and machines', [
      new ServiceGroup('control plane', controlPlane, { clock, log }),
      ...nodeParts.machines,
    ]),
    connection(nodeParts.handlers, connections),
    ...nodeParts.services,
    ...guard.background(handler),
    new TrustPublisher({
      handler,
      resources,
      clientAuthority: certificates.certificate,
      frontProxyAuthority: frontProxy.authority,
      clock,
      log,
    }),
  ];
  return { services, clientFor, server };
}

interface KeptStore {
  readonly store: SqliteStore;
  /** To be started right after it. */
  readonly services: readonly Service[];
}

/** How values are sealed on disk says the file that was named, else the home's own. @throws Error, one sentence */
function keptStore(
  home: Home,
  named: string | undefined,
  common: { readonly clock: Clock; readonly log: Logger },
): KeptStore {
  const place = { file: named ?? home.encryptionConfig, isOwn: named === undefined };
  const { sealing } = openKeyFile(place, () => holdsSealed(home.state));
  const store = new SqliteStore({ ...common, file: home.state, sealing: { rules: sealing, file: place.file } });
  return { store, services: [new EncryptionKeys({ ...common, place, sealing, store: store.sealed })] };
}

function healthChecks(store: ObservedStore, unsynced: () => readonly string[]): HealthCheck[] {
  const informers = (): string | undefined => {
    const missing = unsynced();
    return missing.length === 0 ? undefined : `${missing.length} informers not started yet: [${missing.join(' ')}]`;
  };
  return [
    { name: 'etcd', check: () => store.problem() },
    { name: 'etcd-readiness', on: ['readyz'], check: () => store.problem() },
    { name: 'informer-sync', on: ['readyz'], check: informers },
  ];
}

function bytesOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Something that is done once, at its place in the order. */
function step(name: string, run: () => Promise<void>): Service {
  return { name, start: run, close: async () => {} };
}

function kubeconfigs(home: Home, nodes: ClusterNodes): readonly KubeconfigFile[] {
  const own = { file: home.kubeconfig, user: administrator };
  return nodes.kind === 'none' ? [own, { file: home.agentKubeconfig, user: nodeUser(nodes.name) }] : [own];
}

interface NodeSurroundings extends Foundations {
  readonly sharedImages: SharedImageServer;
  readonly clientFor: (user: UserInfo) => Client;
  readonly informers: InformerSet;
  /** Of pods on nodes that are simulated. */
  readonly podFamilies: readonly ('IPv4' | 'IPv6')[] | undefined;
}

interface PartsOfNodes {
  /** What nodes stand on: it can start while the API does. */
  readonly machines: readonly Service[];
  /** For the server's calls, by the node's name. */
  readonly handlers: ReadonlyMap<string, NodeHandler>;
  readonly services: readonly Service[];
}

function partsOfNodes(nodes: ClusterNodes, surroundings: NodeSurroundings): PartsOfNodes {
  const { clientFor, informers, home } = surroundings;
  switch (nodes.kind) {
    case 'none':
      return { machines: [], handlers: new Map(), services: [] };
    case 'containers': {
      const client = clientFor(nodeUser(nodes.name));
      const sharedImages = surroundings.sharedImages.forNode(nodes.name);
      const own = { ...surroundings, ...nodes, client, sharedImages };
      const { machine, network, agent, handler } = containerNode(own);
      return { machines: [machine], handlers: new Map([[nodes.name, handler]]), services: [network, agent] };
    }
    case 'simulated': {
      makeClosedFolder(home.simulated);
      const parts = simulatedNodes({
        ...surroundings,
        ...nodes,
        home: home.simulated,
        clientFor: (node) => clientFor(nodeUser(node)),
        pods: informers.informer(pods),
        nodes: informers.informer(nodesResource),
      });
      return { machines: [], ...parts };
    }
  }
}

/** Where real pods on this machine may have their addresses. */
function podRangesOf(nodes: ClusterNodes, clusterCidrs: readonly string[] = defaultClusterCidrs): readonly string[] {
  switch (nodes.kind) {
    case 'none':
      return clusterCidrs;
    case 'containers':
      return nodes.podCidr.split(',');
    case 'simulated':
      return [];
  }
}

/** What control loops may do about nodes of this kind. Simulated ones bring their ranges along, and keep nothing in folders. */
function nodeFacilities(
  nodes: ClusterNodes,
  clusterCidrs: readonly string[] = defaultClusterCidrs,
): Pick<ControllerContext, 'removeHostPath' | 'clusterCidrs'> {
  switch (nodes.kind) {
    case 'none':
      return { clusterCidrs };
    case 'containers':
      return { clusterCidrs, removeHostPath: removeTemporaryFolder };
    case 'simulated':
      return { removeHostPath: async () => {} };
  }
}

/** Makes the nodes reachable for the server's calls while they run. */
function connection(handlers: PartsOfNodes['handlers'], connections: NodeConnectionTable): Service {
  let withdraw: (() => void)[] = [];
  return {
    name: 'connections of nodes',
    start: async () => {
      withdraw = [...handlers].map(([name, handler]) => connections.register(name, handler));
    },
    close: async () => {
      for (const one of withdraw) one();
    },
  };
}
