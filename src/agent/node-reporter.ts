/**
 * Tells the API that this node is here and well: the Node object, its status, and the Lease that says every ten seconds that it lives.
 *
 * It starts without a server and does not give up: each loop tries again after a back-off, and pods run on meanwhile.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Lease } from '../api/schema/types/coordination-v1.ts';
import type { Node, Taint } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { leases, nodes } from '../client/resources.ts';
import { delayAfter } from '../lib/backoff.ts';
import { type Clock, formatMicroTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Service } from '../lib/service.ts';
import type { NodeFacts } from './node-facts.ts';
import {
  type NodeStatusPart,
  newNode,
  nodeStatus,
  withoutHeartbeats,
  withParts,
  wrongAnnotations,
  wrongLabels,
} from './node-status.ts';
import type { Runtime, RuntimeInfo } from './runtime.ts';

/** The kubelet's figures. */
const leaseRenewMs = 10_000;
const leaseDurationSeconds = 40;
const statusCheckMs = 10_000;
const statusReportMs = 300_000;
/** So long after its start a node that is not ready yet looks more often, so that it is told at once when it is. */
const startupMs = 30_000;
const startupCheckMs = 200;
/** Between a change that is told at once and its report: others may come with it. */
const refreshMs = 500;
const retryMsMin = 200;
const retryMsMax = 7000;

export interface NodeReporterOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly nodeName: string;
  readonly facts: NodeFacts;
  readonly podCidr?: string;
  /** Where the node brings no range along: is called with the one that the API gave to it, at each look. */
  readonly takePodCidrs?: (podCidrs: readonly string[]) => Promise<void>;
  readonly labels?: Readonly<Record<string, string>>;
  /** The node is made with these; afterwards they are others' to change. */
  readonly taints?: readonly Taint[];
  /** So many images are told in its status; -1: all; 50 where absent. */
  readonly imagesMax?: number;
  /** What others of the agent know of the node: pressures, devices, what is kept back. In order, each over the one before. */
  readonly parts?: readonly NodeStatusPart[];
  /** What the Node says beside its facts, at each look; null: it is not to say that. */
  readonly annotations?: () => Promise<Readonly<Record<string, string | null>>>;
  /** What of the agent itself keeps the node from being ready. */
  readonly problems?: () => readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

export class NodeReporter implements Service {
  readonly name = 'node';
  readonly #options: NodeReporterOptions;
  readonly #stop = new AbortController();
  #running: Promise<void[]> | undefined;
  #lease: Lease | undefined;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #isReady = false;
  #refreshing: Promise<void> | undefined;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  /** Something changed that the next look would tell: it comes within a second. */
  refresh(): void {
    const { clock, log } = this.#options;
    this.#refreshing ??= clock
      .sleep(refreshMs, this.#stop.signal)
      .then(() => this.#reportStatus())
      .catch((error: unknown) => log.debug('the node could not report at once', { error }))
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
    await this.#refreshing;
  }

  /** The lease belongs to the node, so its loop begins when the first has made that. */
  #run(): Promise<void[]> {
    const { promise: registered, resolve } = Promise.withResolvers<void>();
    this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    const startedMs = this.#options.clock.monotonic();
    const isStarting = (): boolean => !this.#isReady && this.#options.clock.monotonic() - startedMs < startupMs;
    const period = (): number => (isStarting() ? startupCheckMs : statusCheckMs);
    return Promise.all([
      this.#loop('status', period, () => this.#reportStatus().then(resolve)),
      registered.then(() =>
        this.#loop(
          'lease',
          () => leaseRenewMs,
          () => this.#renewLease(),
        ),
      ),
    ]);
  }

  /** Every so many ms; after a failure sooner, with a back-off. */
  async #loop(what: string, period: () => number, act: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      let delayMs: number;
      try {
        await act();
        failures = 0;
        delayMs = period();
      } catch (error) {
        delayMs = delayAfter(failures++, retryMsMin, retryMsMax);
        log.warn('the node could not report', { what, delayMs, error });
      }
      await clock.sleep(delayMs, signal).catch(() => {});
    }
  }

  async #reportStatus(): Promise<void> {
    const { client, clock, facts, runtime } = this.#options;
    const node = await this.#ensureNode();
    const { podCIDR, podCIDRs = podCIDR ? [podCIDR] : [] } = node.spec ?? {};
    if (podCIDRs.length > 0) await this.#options.takePodCidrs?.(podCIDRs);
    const info = await infoOf(runtime);
    const images = info.problem === '' ? await runtime.images().catch(() => []) : [];
    const problems = this.#options.problems?.() ?? [];
    const { imagesMax } = this.#options;
    const report = {
      facts,
      runtime: info,
      images,
      ...(imagesMax !== undefined && { imagesMax }),
      problems,
      nowMs: clock.now(),
    };
    const status = withParts(nodeStatus(node.status ?? {}, report), this.#options.parts ?? [], report);
    this.#isReady = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    const isDue = clock.monotonic() - this.#reportedAtMs >= statusReportMs;
    if (!isDue && isDeepStrictEqual(withoutHeartbeats(status), withoutHeartbeats(node.status ?? {}))) return;
    try {
      await client.update(nodes, { ...node, status }, { subresource: 'status' });
    } catch (error) {
      // Somebody else wrote: the next look, soon, has their version.
      if (hasReason(error, 'Conflict')) throw new Error('the node changed meanwhile', { cause: error });
      throw error;
    }
    this.#reportedAtMs = clock.monotonic();
  }

  /** The Node object as the API has it, made where it is missing, with the labels that say what the machine is. */
  async #ensureNode(): Promise<Node> {
    const { client, nodeName, facts, podCidr, labels = {}, taints } = this.#options;
    const reference = { namespace: '', name: nodeName };
    const node = await client.get(nodes, reference).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    });
    if (node === undefined) return client.create(nodes, newNode(nodeName, facts, podCidr, labels, taints));
    const labelsLacking = wrongLabels(node, facts);
    const annotations = wrongAnnotations(node, facts, await this.#annotations());
    if (labelsLacking === undefined && annotations === undefined) return node;
    const metadata = { ...(labelsLacking && { labels: labelsLacking }), ...(annotations && { annotations }) };
    return client.patch(nodes, reference, { type: 'merge', body: { metadata } });
  }

  /** None where they cannot be told now: what stands there stays. */
  async #annotations(): Promise<Readonly<Record<string, string | null>>> {
    return (await this.#options.annotations?.().catch(() => undefined)) ?? {};
  }

  /** Written from the copy that the last write gave; read anew where that is no longer the newest. */
  async #renewLease(): Promise<void> {
    const { client, clock, nodeName } = this.#options;
    const reference = { namespace: 'kube-node-lease', name: nodeName };
    const renewTime = formatMicroTime(clock.now());
    try {
      this.#lease ??= await client.get(leases, reference);
      this.#lease = await client.update(leases, {
        ...this.#lease,
        spec: { ...this.#lease.spec, holderIdentity: nodeName, renewTime },
      });
    } catch (error) {
      this.#lease = undefined;
      if (!hasReason(error, 'NotFound')) throw error;
      this.#lease = await client.create(leases, {
        metadata: { ...reference, ...(await this.#owner()) },
        spec: { holderIdentity: nodeName, leaseDurationSeconds, renewTime },
      });
    }
  }

  /** The lease goes with its node. Rejects while there is none: the other loop makes it. */
  async #owner(): Promise<Pick<NonNullable<Lease['metadata']>, 'ownerReferences'>> {
    const { client, nodeName } = this.#options;
    const { metadata } = await client.get(nodes, { namespace: '', name: nodeName });
    return { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: metadata?.uid ?? '' }] };
  }
}

async function infoOf(runtime: Runtime): Promise<RuntimeInfo> {
  try {
    return await runtime.info();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { name: 'unknown', version: 'unknown', problem: `container runtime is down: ${why}` };
  }
}
