/**
 * Waits until what was applied is healthy, and says on the way how it goes. Objects that are not yet are looked at again and again; of those that
 * make pods, the pods too, since they know why.
 *
 * Kept true: it ends: when all is healthy, when the time is over, or when something has been failing for so long that waiting helps nobody.
 * Ways in (Ingress, load balancers) get a short while more, and then count as told: whether they have an address is not for the application to say.
 */
import type { KubeObject } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../api/schema/types/meta-v1.ts';
import { labelMatcher } from '../api/selector.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { pods as podResource } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Applied } from './apply-object.ts';
import { unseenMessage } from './health/base.ts';
import { type Health, healthOf } from './health.ts';
import { inParallel } from './target.ts';

export interface State {
  readonly target: Applied;
  readonly object: KubeObject;
  readonly health: Health;
}

export interface WaitOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** At every look, all states. */
  readonly look?: (states: readonly State[]) => void;
  readonly signal?: AbortSignal;
  /** How long something may fail before nobody waits for it any more. */
  readonly failingMs?: number;
  /** How long ways in are waited for when all else is healthy. */
  readonly waysInMs?: number;
}

export interface Waited {
  readonly states: readonly State[];
  /** What is not healthy though it should be: empty is good. */
  readonly unhealthy: readonly State[];
  /** Ways in that have no address yet. */
  readonly late: readonly State[];
}

const failingMsUsual = 45_000;
const waysInMsUsual = 10_000;
const lookMsMin = 150;
const lookMsMax = 1_000;

/** A claim may wait for its first pod, an autoscaler for figures, a budget for pods: those that need them tell. */
const neverWaitedFor: ReadonlySet<string> = new Set([
  'PersistentVolumeClaim',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
  'Namespace',
  'Node',
]);
const waysIn: ReadonlySet<string> = new Set([
  'Ingress',
  'Service',
  'Gateway',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
]);

export async function waitUntilHealthy(
  client: Client,
  targets: readonly Applied[],
  options: WaitOptions,
): Promise<Waited> {
  return new Waiting(client, options).until(targets.filter(({ resource }) => !neverWaitedFor.has(resource.kind)));
}

class Waiting {
  readonly #client: Client;
  readonly #options: WaitOptions;
  readonly #failingSince = new Map<Applied, number>();
  #pods = new Map<string, Promise<readonly Pod[]>>();

  constructor(client: Client, options: WaitOptions) {
    this.#client = client;
    this.#options = options;
  }

  async until(targets: readonly Applied[]): Promise<Waited> {
    const { clock, timeoutMs, look, signal, waysInMs = waysInMsUsual } = this.#options;
    const endMs = clock.monotonic() + timeoutMs;
    let states: readonly State[] = targets.map((target) => ({
      target,
      object: target.object,
      health: healthOf(target.object),
    }));
    let waysInEndMs = Number.POSITIVE_INFINITY;
    let pauseMs = lookMsMin;
    for (;;) {
      signal?.throwIfAborted();
      states = await this.#look(states);
      look?.(states);
      const pending = states.filter(({ health }) => health.state !== 'healthy');
      const needed = pending.filter(({ target }) => !waysIn.has(target.resource.kind));
      const nowMs = clock.monotonic();
      if (needed.length === 0) waysInEndMs = Math.min(waysInEndMs, nowMs + waysInMs);
      if (pending.length === 0 || nowMs >= endMs || nowMs >= waysInEndMs || this.#isHopeless(needed, nowMs)) {
        return { states, unhealthy: needed, late: pending.filter((state) => !needed.includes(state)) };
      }
      await clock.sleep(Math.max(0, Math.min(pauseMs, endMs - nowMs)));
      pauseMs = Math.min(lookMsMax, pauseMs * 1.3);
    }
  }

  async #look(states: readonly State[]): Promise<readonly State[]> {
    this.#pods = new Map();
    return inParallel(states, async (state) => (state.health.state === 'healthy' ? state : this.#again(state)));
  }

  async #again({ target }: State): Promise<State> {
    try {
      const found = await this.#client.get(target.resource, target.reference);
      // Answers of some servers leave out what the request said already.
      const object = { ...found, apiVersion: target.object.apiVersion ?? '', kind: target.resource.kind } as KubeObject;
      return { target, object, health: await this.#healthOf(object) };
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      return { target, object: target.object, health: { state: 'failing', message: 'somebody has deleted it' } };
    }
  }

  /** A workload's own words, and where its pods know more, theirs. */
  async #healthOf(object: KubeObject): Promise<Health> {
    const health = healthOf(object);
    if (health.state !== 'progressing' || health.message === unseenMessage) return health;
    const failing = ofNewestOwner(await this.#podsOf(object)).find((pod) => podHealth(pod).state === 'failing');
    if (failing === undefined) return health;
    return {
      state: 'failing',
      message: `${health.message}; pod ${failing.metadata?.name}: ${podHealth(failing).message}`,
    };
  }

  async #podsOf(object: KubeObject): Promise<readonly Pod[]> {
    const { selector, template } = (object as { spec?: { selector?: LabelSelector; template?: unknown } }).spec ?? {};
    if (template === undefined || selector === undefined || !('matchLabels' in selector)) return [];
    const namespace = object.metadata?.namespace ?? '';
    let all = this.#pods.get(namespace);
    if (all === undefined) this.#pods.set(namespace, (all = this.#list(namespace)));
    const matcher = labelMatcher(selector);
    return (await all).filter(
      ({ metadata }) => metadata?.deletionTimestamp === undefined && matcher.matches(metadata?.labels ?? {}),
    );
  }

  /** Who may not read pods goes without. */
  async #list(namespace: string): Promise<readonly Pod[]> {
    return this.#client.list(podResource, { namespace }).then(
      ({ items }) => items,
      () => [],
    );
  }

  #isHopeless(needed: readonly State[], nowMs: number): boolean {
    const { failingMs = failingMsUsual } = this.#options;
    const failing = needed.filter(({ health }) => health.state === 'failing');
    for (const target of this.#failingSince.keys()) {
      if (!failing.some((state) => state.target === target)) this.#failingSince.delete(target);
    }
    for (const { target } of failing) if (!this.#failingSince.has(target)) this.#failingSince.set(target, nowMs);
    const isOver = [...this.#failingSince.values()].some((sinceMs) => nowMs - sinceMs >= failingMs);
    return isOver || failing.some(({ health }) => isFinal(health));
  }
}

/** Nothing will try again. */
const isFinal = ({ message }: Health): boolean => message.startsWith('it failed:');

/** Pods of an older form are on their way out, and what ails them no longer matters. */
function ofNewestOwner(all: readonly Pod[]): readonly Pod[] {
  const [newest] = all.toSorted((a, b) => createdOf(b).localeCompare(createdOf(a)));
  return newest === undefined ? [] : all.filter((pod) => ownerOf(pod) === ownerOf(newest));
}

const createdOf = ({ metadata }: Pod): string => metadata?.creationTimestamp ?? '';
const ownerOf = ({ metadata }: Pod): string =>
  metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? '';

const podHealth = (pod: Pod): Health => healthOf({ ...pod, apiVersion: 'v1', kind: 'Pod' });
