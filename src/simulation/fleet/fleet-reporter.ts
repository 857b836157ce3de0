/**
 * Tells the API of all nodes of a fleet, as `NodeReporter` does of one: Node, status, Lease.
 *
 * ```
 *   0 s        one period of ten seconds         10 s
 *   ├─ node 1 ─┬─ node 2 ─┬─ … ─┬─ node n ───────┤   each has its turn at its own place in the period
 * ```
 * A turn renews the lease. It writes the status only where something asks for it: the node's turn to report in full (every thirtieth,
 * spread as well), a version of the Node that somebody else wrote, an image more. Turns that are due together are taken together, a tenth of
 * a second's at a time, so that the store makes one commit of them.
 *
 * Kept true: a node has at most one turn under way; a lost node has none; a node that was late is not renewed twice for it.
 */
import { isDeepStrictEqual } from 'node:util';
import { newNode, nodeStatus, withoutHeartbeats, wrongLabels } from '../../agent/node-status.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Informer } from '../../client/informer.ts';
import { leases, nodes } from '../../client/resources.ts';
import { delayAfter } from '../../lib/backoff.ts';
import { type Clock, formatMicroTime } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { factsOf } from '../node-template.ts';
import type { FleetNode } from './fleet-node.ts';

/** The kubelet's figures. */
const periodMs = 10_000;
const leaseDurationSeconds = 40;
const fullReportTurns = 30;
const retryMsMin = 200;
const retryMsMax = 7000;
const togetherMs = 100;
/** Nodes that join at a time, at the start. */
const joinsMax = 64;
const runtimeInfo = { name: 'simulated', version: '1.0.0', problem: '' };

export interface FleetReporterOptions {
  readonly fleet: readonly FleetNode[];
  /** All nodes of the cluster; started by its owner. */
  readonly informer: Informer<Node>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class FleetReporter implements Service {
  readonly name = 'reports of simulated nodes';
  readonly #options: FleetReporterOptions;
  readonly #byName: ReadonlyMap<string, FleetNode>;
  readonly #stop = new AbortController();
  readonly #turns = new Set<Promise<void>>();
  #unfollow = (): void => {};
  #running: Promise<void> | undefined;

  constructor(options: FleetReporterOptions) {
    this.#options = options;
    this.#byName = new Map(options.fleet.map((node) => [node.plan.name, node]));
  }

  start(): Promise<void> {
    this.#unfollow = this.#options.informer.addHandler({
      deleted: ({ metadata }) => {
        const node = this.#byName.get(metadata?.name ?? '');
        if (node !== undefined) node.reported.isRegistered = false;
      },
    });
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    this.#unfollow();
    await this.#running;
    await Promise.all(this.#turns);
  }

  async #run(): Promise<void> {
    const { informer, fleet } = this.#options;
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([informer.synced, stopped]);
    await Promise.all([this.#join(fleet.values()), this.#takeTurns()]);
  }

  /** Each lane takes the next node that no other has taken. */
  async #join(rest: Iterator<FleetNode>): Promise<void> {
    const lane = async (): Promise<void> => {
      for (let next = rest.next(); !next.done && !this.#stop.signal.aborted; next = rest.next()) {
        await this.#turn(next.value, false);
      }
    };
    await Promise.all(Array.from({ length: joinsMax }, lane));
  }

  async #takeTurns(): Promise<void> {
    const { clock, fleet } = this.#options;
    const { signal } = this.#stop;
    let fromMs = clock.monotonic();
    for (let round = 1; !signal.aborted; round++) {
      for (const [place, node] of fleet.entries()) {
        const dueMs = fromMs + (place * periodMs) / fleet.length;
        const leftMs = dueMs - clock.monotonic();
        if (leftMs > 0) await clock.sleep(Math.ceil(Math.max(togetherMs, leftMs)), signal).catch(() => {});
        if (signal.aborted) return;
        if (node.reported.failures === 0 && node.reported.seenVersion !== '') {
          this.#follow(this.#turn(node, (round + place) % fullReportTurns === 0));
        }
      }
      const nowMs = clock.monotonic();
      fromMs += periodMs;
      if (fromMs > nowMs) await clock.sleep(Math.ceil(fromMs - nowMs), signal).catch(() => {});
      else if (nowMs - fromMs > periodMs) fromMs = nowMs;
    }
  }

  #follow(turn: Promise<void>): void {
    const followed = turn.finally(() => this.#turns.delete(followed));
    this.#turns.add(followed);
  }

  /** Never rejects: what failed is tried again, sooner than the next turn. */
  async #turn(node: FleetNode, inFull: boolean): Promise<void> {
    const { reported } = node;
    const { clock, log } = this.#options;
    if (reported.isBusy || node.isLost || this.#stop.signal.aborted) return this.#afterLoss(node);
    reported.isBusy = true;
    try {
      if (reported.isRegistered) await this.#report(node, inFull);
      else await this.#register(node);
      await this.#renew(node);
      reported.failures = 0;
    } catch (error) {
      const delayMs = delayAfter(reported.failures++, retryMsMin, retryMsMax);
      log.warn('a simulated node could not report', { node: node.plan.name, delayMs, error });
      clock.after(delayMs, () => this.#follow(this.#turn(node, inFull)));
    } finally {
      reported.isBusy = false;
    }
  }

  /** Whoever was to try again meanwhile has its next turn as all others. */
  #afterLoss({ isLost, reported }: FleetNode): void {
    if (!isLost) return;
    reported.failures = 0;
    reported.seenVersion ||= '0';
  }

  async #register(node: FleetNode): Promise<void> {
    const { plan, client, reported } = node;
    const { informer, clock } = this.#options;
    const reference = { namespace: '', name: plan.name };
    const facts = factsOf(plan);
    let known = informer.cache.get(reference);
    if (known === undefined) {
      const images = (await node.runtime?.images()) ?? [];
      const status = nodeStatus({}, { facts, runtime: runtimeInfo, images, nowMs: clock.now() });
      const wanted = { ...newNode(plan.name, facts, plan.podCidr, plan.labels, plan.taints), status };
      known = await client.create(nodes, wanted).catch((error: unknown) => {
        if (hasReason(error, 'AlreadyExists')) return client.get(nodes, reference);
        throw error;
      });
    }
    await this.#write(node, known, false);
    reported.isRegistered = true;
  }

  async #report(node: FleetNode, inFull: boolean): Promise<void> {
    const { plan, reported, runtime } = node;
    const known = this.#options.informer.cache.get({ namespace: '', name: plan.name });
    if (known === undefined) return;
    const version = known.metadata?.resourceVersion ?? '';
    const imageCount = runtime === undefined ? 0 : (await runtime.images()).length;
    if (!inFull && version === reported.seenVersion && imageCount === reported.seenImages) return;
    await this.#write(node, known, inFull);
  }

  /** What differs from `known`; with `inFull` the status in any case. */
  async #write(node: FleetNode, known: Node, inFull: boolean): Promise<void> {
    const { plan, client, reported, runtime } = node;
    const facts = factsOf(plan);
    const labels = wrongLabels(known, facts);
    const reference = { namespace: '', name: plan.name };
    const current =
      labels === undefined
        ? known
        : await client.patch(nodes, reference, { type: 'merge', body: { metadata: { labels } } });
    const images = (await runtime?.images()) ?? [];
    const report = { facts, runtime: runtimeInfo, images, nowMs: this.#options.clock.now() };
    const status = nodeStatus(current.status ?? {}, report);
    const same = isDeepStrictEqual(withoutHeartbeats(status), withoutHeartbeats(current.status ?? {}));
    reported.seenImages = images.length;
    const written = same && !inFull ? current : await this.#update(node, { ...current, status });
    reported.seenVersion = written?.metadata?.resourceVersion ?? '0';
  }

  /** Undefined where somebody else wrote first: the watch brings that version, and the next turn looks at it. */
  async #update({ client }: FleetNode, node: Node): Promise<Node | undefined> {
    return client.update(nodes, node, { subresource: 'status' }).catch((error: unknown) => {
      if (hasReason(error, 'Conflict')) return undefined;
      throw error;
    });
  }

  /** Written from the copy that the last write gave; read anew where that is no longer the newest. */
  async #renew({ plan, client, reported }: FleetNode): Promise<void> {
    const { clock } = this.#options;
    const reference = { namespace: 'kube-node-lease', name: plan.name };
    const renewTime = formatMicroTime(clock.now());
    try {
      reported.lease ??= await client.get(leases, reference);
      const spec = { ...reported.lease.spec, holderIdentity: plan.name, renewTime };
      reported.lease = await client.update(leases, { ...reported.lease, spec });
    } catch (error) {
      reported.lease = undefined;
      if (!hasReason(error, 'NotFound')) throw error;
      const { metadata } = await client.get(nodes, { namespace: '', name: plan.name });
      const owner = { apiVersion: 'v1', kind: 'Node', name: plan.name, uid: metadata?.uid ?? '' };
      reported.lease = await client.create(leases, {
        metadata: { ...reference, ownerReferences: [owner] },
        spec: { holderIdentity: plan.name, leaseDurationSeconds, renewTime },
      });
    }
  }
}
