/**
 * The gateway of a node: HAProxy, brought to what Ingresses and Gateways ask for. Nothing is started before there is one of them, nor where the node is
 * labelled to stay out of load balancing.
 *
 * ```
 *   informers ──▶ translators ──▶ merge ──▶ Plan ──▶ Haproxy.apply ──▶ refusals ──▶ events
 *       └─ changed: once all that changes within some ms; a reload a second at most, changed endpoints at once
 * ```
 * Kept true: before all that a plan is made of is known, what runs stays as it is.
 */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { KubeObject } from '../../api/object.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import * as resources from '../../client/resources.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Timer } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import type { SectionSource } from '../configuration.ts';
import type { NetworkContext } from '../context.ts';
import { isEntryNode } from '../entry-nodes.ts';
import { ServiceDirectory } from '../services/service-directory.ts';
import { acmeTranslator } from './acme/acme-translator.ts';
import { defaultCertificate } from './default-certificate.ts';
import { Haproxy } from './haproxy/process.ts';
import { ingressTranslator } from './ingress/ingress-translator.ts';
import { merge } from './merge.ts';
import { GatewayMetrics } from './metrics.ts';
import type { Certificate, Source } from './plan.ts';
import { routesTranslator } from './routes/routes-translator.ts';
import { GatewaySecrets } from './secrets.ts';
import { serviceSource } from './service-source.ts';
import { type IngressSettings, ingressSection } from './settings.ts';
import { gatewayFolder } from './teardown.ts';
import type { OpenTranslator, Problem, Translator, TranslatorSources } from './translator.ts';

const debounceMs = 15;
/** So long a plan waits for Secrets that it names and nobody knows yet. */
const secretsMsMax = 5000;

const translators: readonly Translator[] = [ingressTranslator, routesTranslator, acmeTranslator];

/** What carries plans out: HAProxy, or a stand-in in tests. */
export type Engine = Pick<Haproxy, 'apply' | 'stop' | 'close'> & Partial<Pick<Haproxy, 'pid'>>;
type MakeEngine = (context: NetworkContext, metrics: GatewayMetrics) => Engine;

export function gatewayPart(context: NetworkContext): Service {
  return gatewayWith(context, haproxyOf);
}

export function gatewayWith(context: NetworkContext, makeEngine: MakeEngine): Service {
  return new GatewayPart(context, makeEngine);
}

function haproxyOf({ folder, id, clock, log }: NetworkContext, metrics: GatewayMetrics): Engine {
  return new Haproxy({ folder: gatewayFolder(folder), id, clock, log, metrics });
}

class GatewayPart implements Service {
  readonly name = 'gateway';
  readonly #context: NetworkContext;
  readonly #makeEngine: MakeEngine;
  readonly #metrics: GatewayMetrics;
  readonly #backoff = new Backoff({ baseMs: 1000, maxMs: 60_000 });
  #engine: Engine | undefined;
  #settings!: SectionSource<IngressSettings>;
  #nodes!: Informer<Node>;
  #directory!: ServiceDirectory;
  #secrets!: GatewaySecrets;
  #open: readonly OpenTranslator[] = [];
  #ends: readonly (() => void)[] = [];
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  #isAsked = false;
  #isClosed = false;
  #waitsSinceMs: number | undefined;
  #selfSigned: Certificate | undefined;
  #told = new Set<string>();
  /** That no HAProxy runs was made sure of. */
  #hasRested = false;

  constructor(context: NetworkContext, makeEngine: MakeEngine) {
    this.#context = context;
    this.#makeEngine = makeEngine;
    this.#metrics = new GatewayMetrics(context.metrics, () => ({
      pid: this.#engine?.pid,
      refused: this.#told.size,
    }));
  }

  start(): Promise<void> {
    const { informers, configuration } = this.#context;
    const changed = (): void => this.#ask(debounceMs);
    this.#settings = configuration.section('ingress', ingressSection);
    this.#nodes = informers.informer(resources.nodes);
    this.#directory = new ServiceDirectory(informers);
    this.#secrets = new GatewaySecrets({ ...this.#context, changed });
    this.#open = translators.map((translator) => translator.open(this.#context, changed));
    const own = (node: Node): void => {
      if (node.metadata?.name === this.#context.nodeName) changed();
    };
    this.#ends = [
      this.#directory.onChange(changed),
      this.#settings.onChange(changed),
      this.#nodes.addHandler({
        added: own,
        updated: (node, previous) => isEntryNode(node) !== isEntryNode(previous) && own(node),
      }),
      () => this.#directory.close(),
      ...this.#open.map((translator) => () => translator.close()),
    ];
    void Promise.all([this.#directory.synced, this.#nodes.synced]).then(changed);
    changed();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const end of this.#ends) end();
    await this.#working;
    await this.#secrets.close();
    await this.#engine?.close();
  }

  #ask(delayMs: number): void {
    if (this.#isClosed) return;
    if (this.#working !== undefined) {
      this.#isAsked = true;
      return;
    }
    this.#timer ??= this.#context.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#working = this.#run();
    });
  }

  async #run(): Promise<void> {
    let againMs: number | undefined;
    try {
      againMs = await this.#bring();
      this.#backoff.forget('');
    } catch (error) {
      againMs = this.#backoff.next('');
      this.#context.log.error('the gateway is not as it should be; trying again', { error, againMs });
    }
    this.#working = undefined;
    if (this.#isAsked) againMs = Math.min(againMs ?? debounceMs, debounceMs);
    this.#isAsked = false;
    if (againMs !== undefined) this.#ask(againMs);
  }

  /** Says when to look again, where something is not done yet. */
  async #bring(): Promise<number | undefined> {
    if (!this.#open.every(({ isSynced }) => isSynced) || !this.#directory.isComplete || !this.#nodes.hasSynced)
      return undefined;
    const node = this.#nodes.cache.byKey(this.#context.nodeName);
    const isWanted = node !== undefined && isEntryNode(node) && this.#open.some(({ isActive }) => isActive);
    if (!isWanted) {
      await this.#rest(node !== undefined);
      return undefined;
    }
    this.#selfSigned ??= await this.#makeSelfSigned();
    return this.#serve();
  }

  /** Nobody is served here: HAProxy ends, also one that an earlier agent left. A node that is not known yet is no reason. */
  async #rest(isSure: boolean): Promise<void> {
    if (!isSure || (this.#engine === undefined && this.#hasRested)) return;
    this.#hasRested = true;
    const engine = (this.#engine ??= this.#makeEngine(this.#context, this.#metrics));
    await engine.stop();
    await engine.close();
    this.#engine = undefined;
    this.#told.clear();
  }

  async #serve(): Promise<number | undefined> {
    const { clock } = this.#context;
    const { problems, plan } = this.#secrets.during((named) => {
      const sources = this.#sources(named);
      const contributions = this.#open.map((translator) => translator.translate(sources));
      // What translators find is told once for the whole cluster, by the control loops of their kinds.
      return merge(contributions.map((contribution) => ({ ...contribution, problems: [] })));
    });
    if (!this.#secrets.isSettled) {
      this.#waitsSinceMs ??= clock.monotonic();
      const leftMs = this.#waitsSinceMs + secretsMsMax - clock.monotonic();
      if (leftMs > 0) return leftMs;
    } else this.#waitsSinceMs = undefined;
    this.#engine ??= this.#makeEngine(this.#context, this.#metrics);
    const { threads, connectionsMax, accessLog } = this.#settings.current;
    const settings = { threads: threads || Math.min(64, availableParallelism()), connectionsMax, accessLog };
    const { refusals, againMs } = await this.#engine.apply(plan, settings);
    this.#tell([...problems, ...refusals.map((refusal) => ({ ...refusal, reason: 'NotServed' }))]);
    return againMs;
  }

  #sources(named: TranslatorSources['named']): TranslatorSources {
    const [namespace = '', name = ''] = this.#settings.current.defaultCertificate.split('/');
    const found = name === '' ? undefined : named.certificate({ namespace, name });
    const chosen = found?.kind === 'found' ? { serverName: '*', id: found.value.id, pem: found.value.pem } : undefined;
    return {
      services: serviceSource(this.#directory),
      named,
      nowMs: this.#context.clock.now(),
      defaultCertificate: chosen ?? (this.#selfSigned as Certificate),
    };
  }

  #makeSelfSigned(): Promise<Certificate> {
    return defaultCertificate(path.join(this.#context.folder, 'default-certificate.pem'), this.#context.clock.now());
  }

  /** Each problem once, for as long as it lasts. */
  #tell(problems: readonly Problem[]): void {
    const told = new Set<string>();
    for (const { source, reason, message } of problems) {
      const key = `${source.kind} ${source.namespace}/${source.name} ${message}`;
      if (told.has(key)) continue;
      told.add(key);
      if (this.#told.has(key)) continue;
      this.#context.log.warn('an object is not served as it asks', { ...source, reason, problem: message });
      this.#record(source, reason, `${message} (node ${this.#context.nodeName})`);
    }
    this.#told = told;
  }

  #record({ kind, namespace, name }: Source, reason: string, message: string): void {
    const resource = resourceOfKind(kind);
    if (resource === undefined) return;
    const known = followed.has(resource)
      ? this.#context.informers.informer(resource).cache.get({ namespace, name })
      : undefined;
    const object = known ?? { apiVersion: groupVersion(resource), kind, metadata: { namespace, name } };
    this.#context.events.record(resource, object, 'Warning', reason, message);
  }
}

const kinds: readonly Resource<KubeObject>[] = [
  resources.ingresses,
  resources.services,
  resources.secrets,
  resources.configMaps,
  resources.gateways,
  resources.listenerSets,
  resources.httpRoutes,
  resources.grpcRoutes,
  resources.tlsRoutes,
  resources.tcpRoutes,
  resources.backendTlsPolicies,
] as readonly Resource<KubeObject>[];

/** Those of which this node knows all objects, since the gateway follows them. */
const followed: ReadonlySet<Resource<KubeObject>> = new Set([
  resources.ingresses,
  resources.services,
] as readonly Resource<KubeObject>[]);

function resourceOfKind(kind: string): Resource<KubeObject> | undefined {
  return kinds.find((resource) => resource.kind === kind);
}

function groupVersion({ group, version }: Resource<KubeObject>): string {
  return group === '' ? version : `${group}/${version}`;
}
