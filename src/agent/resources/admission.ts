/**
 * The pod's hook that asks whether the node takes it (`decide-admission.ts`), and makes room for critical pods (`decide-preemption.ts`).
 *
 * Kept true: a pod that runs already is never refused. A pod that only misses labels of the node is not refused on the word of a watch that
 * may be late: the API is asked, and until it answered the pod waits. Where nobody knows the node, pods are taken as they come.
 */
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCriticalPod } from '../pod/critical-pod.ts';
import type { PodHook, Refusal } from '../pod/pod-hook.ts';
import type { EventSink } from '../pod/pod-host.ts';
import { decideAdmission, type Failure, refusalByKind, refusalOf, type Shortage } from './decide-admission.ts';
import { choosePreempted, NoVictims } from './decide-preemption.ts';
import type { NodeSource } from './own-node.ts';

const preemptedMessage = 'Preempted in order to admit critical pod';
/** Beyond the longest grace period of those that must go. */
const preemptedSlackMs = 2000;

/** What admission does to pods that are here, by uid. */
export interface PodControl {
  fail(uid: string, reason: string, message: string): void;
  refuse(uid: string, refusal: Refusal): void;
}

export interface AdmissionOptions {
  readonly node: NodeSource;
  /** How the node is made, and what it has: for what the API does not know yet. */
  readonly newNode: Node;
  readonly operatingSystem: string;
  readonly events: EventSink;
  readonly clock: Clock;
}

export class NodeAdmission implements PodHook {
  readonly name = 'node-resources';
  readonly #options: AdmissionOptions;
  readonly #control: () => PodControl;
  /** Pods that wait for what the API says of the node. */
  readonly #asking = new Map<string, Promise<void>>();
  /** Pods that go, by uid, with who waits for their end. */
  readonly #leaving = new Map<string, PromiseWithResolvers<void>>();
  /** Critical pods that wait for room: until when at the latest, on the clock that never jumps, and for whose end. */
  readonly #waiting = new Map<string, { readonly untilMs: number; readonly ends: readonly Promise<void>[] }>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(options: AdmissionOptions, control: () => PodControl) {
    this.#options = options;
    this.#control = control;
  }

  admit(pod: Pod, active: readonly Pod[]): Refusal | undefined {
    if (pod.status?.startTime !== undefined) return undefined;
    const byKind = refusalByKind(pod, this.#options.operatingSystem);
    if (byKind !== undefined) return byKind;
    const failures = decideAdmission(pod, active, this.#node());
    const [first] = failures;
    if (first === undefined) return undefined;
    if (failures.every(isAffinity)) {
      this.#ask(pod, first);
      return undefined;
    }
    if (!isCriticalPod(pod)) return refusalOf(first);
    const others = failures.filter((failure) => failure.kind === 'mismatch');
    if (others[0] !== undefined) return refusalOf(others[0]);
    return this.#makeRoom(pod, active, failures.filter(isShortage));
  }

  /** What the API does not know of a node yet, since it has only just been made, the node knows itself. */
  #node(): Node {
    const { node, newNode } = this.#options;
    const known = node.get();
    if (known === undefined) return newNode;
    const allocatable = { ...newNode.status?.allocatable, ...known.status?.allocatable };
    return { ...known, status: { ...known.status, allocatable } };
  }

  /** Waits for what `admit` left open. */
  async prepare(pod: Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? '';
    await this.#asking.get(uid);
    const waiting = this.#waiting.get(uid);
    if (waiting === undefined) return;
    const { clock } = this.#options;
    const stop = new AbortController();
    const late = clock.sleep(Math.max(1, waiting.untilMs - clock.monotonic()), stop.signal).catch(() => {});
    await Promise.race([Promise.all(waiting.ends), late, this.#closed.promise]);
    stop.abort();
    this.#waiting.delete(uid);
  }

  stopWaiting(): void {
    this.#closed.resolve();
  }

  release(uid: string): void {
    this.#leaving.get(uid)?.resolve();
    this.#leaving.delete(uid);
    this.#waiting.delete(uid);
  }

  #ask(pod: Pod, failure: Failure): void {
    const uid = pod.metadata?.uid ?? '';
    const asking = this.#options.node
      .fetch()
      .catch(() => undefined)
      .then((node) => {
        this.#asking.delete(uid);
        const failures = node === undefined ? [failure] : decideAdmission(pod, [], node).filter(isAffinity);
        if (failures[0] === undefined) return;
        const refusal = refusalOf(failures[0]);
        this.#options.events.record(pod, 'Warning', refusal.reason, refusal.message);
        this.#control().refuse(uid, refusal);
        throw new Error(refusal.message);
      });
    // Whether anybody waits for it or not.
    asking.catch(() => {});
    this.#asking.set(uid, asking);
  }

  #makeRoom(pod: Pod, active: readonly Pod[], shortages: readonly Shortage[]): Refusal | undefined {
    const { events, clock } = this.#options;
    let victims: readonly Pod[];
    try {
      victims = choosePreempted(pod, active, shortages);
    } catch (error) {
      if (!(error instanceof NoVictims)) throw error;
      const message = `Unexpected error while attempting to recover from admission failure: ${error.message}`;
      return { reason: 'UnexpectedAdmissionError', message };
    }
    const graceSeconds = Math.max(0, ...victims.map(({ spec }) => spec?.terminationGracePeriodSeconds ?? 30));
    const ends = victims.map((victim) => {
      const uid = victim.metadata?.uid ?? '';
      const leaving = this.#leaving.get(uid) ?? Promise.withResolvers<void>();
      this.#leaving.set(uid, leaving);
      events.record(victim, 'Warning', 'Preempting', preemptedMessage);
      this.#control().fail(uid, 'Preempting', preemptedMessage);
      return leaving.promise;
    });
    const untilMs = clock.monotonic() + graceSeconds * 1000 + preemptedSlackMs;
    this.#waiting.set(pod.metadata?.uid ?? '', { untilMs, ends });
    return undefined;
  }
}

const isShortage = (failure: Failure): failure is Shortage => failure.kind === 'shortage';
const isAffinity = (failure: Failure): boolean => failure.kind === 'mismatch' && failure.predicate === 'NodeAffinity';
