/**
 * Pods for tests, and a view of them that costs little: one `kubectl get pods --watch` tells every change of every pod, so that many
 * tests can wait at once for what they wait for, and none polls.
 */
import assert from 'node:assert/strict';
import type { Container, Event, EventList, Pod, PodCondition, PodSpec } from '../../src/api/schema/types/core-v1.ts';
import { RealClock } from '../../src/lib/clock.ts';
import type { TestCluster } from '../harness.ts';

export const shellImage = 'test/busybox:1';

/** Any object that kubectl can create. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** What a test says of a pod beside its name; a container's name and image are given where it names none. */
export type PodWishes = Omit<Partial<PodSpec>, 'containers' | 'initContainers'> & {
  readonly containers?: readonly Partial<Container>[];
  readonly initContainers?: readonly Partial<Container>[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** A pod of busybox that runs once (restart policy Never) and ends within a second. */
export function podManifest(name: string, wishes: PodWishes): Manifest {
  const { containers = [], initContainers = [], labels, annotations, ...spec } = wishes;
  const filled = (list: readonly Partial<Container>[], prefix: string): Partial<Container>[] =>
    list.map((container, index) => ({
      name: index === 0 ? prefix : `${prefix}-${index + 1}`,
      image: shellImage,
      ...container,
    }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: filled(containers, 'app'),
      ...(initContainers.length > 0 && { initContainers: filled(initContainers, 'init') }),
    },
  };
}

/** A container that runs a shell script. */
export function script(text: string, wishes: Partial<Container> = {}): Partial<Container> {
  return { command: ['/bin/sh', '-c', text], ...wishes };
}

/** Runs until it is told to end, and then ends at once. */
export const forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

export async function create(cluster: TestCluster, ...objects: readonly Manifest[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n');
  const result = await cluster.kubectl(['create', '-f', '-'], { input });
  assert.equal(result.code, 0, result.stderr);
}

export function condition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((one) => one.type === type);
}

export const isReady = (pod: Pod): boolean => condition(pod, 'Ready')?.status === 'True';
export const hasEnded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Of the first container, or of the one named. */
export function statusOf(pod: Pod, container?: string) {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const all = [...containerStatuses, ...initContainerStatuses];
  return container === undefined ? all[0] : all.find(({ name }) => name === container);
}

export async function eventsOf(cluster: TestCluster, pod: string): Promise<readonly Event[]> {
  const { items } = await cluster.json<EventList>('get', 'events', '--field-selector', `involvedObject.name=${pod}`);
  return items;
}

interface Waiter {
  readonly name: string;
  readonly look: () => void;
}

const clock = new RealClock({ keepsAlive: true });
const waitMsMax = 90_000;

/** Every pod of the default namespace, and every state that it was seen in. */
export class PodWatch {
  readonly #seen = new Map<string, Pod[]>();
  readonly #deleted = new Set<string>();
  readonly #waiters = new Set<Waiter>();
  readonly #end: () => void;
  #text = '';
  #complaint = '';

  constructor(cluster: TestCluster) {
    const { child } = cluster.stream('get', 'pods', '--watch', '--output-watch-events', '-o', 'json');
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: string) => this.#read(chunk));
    this.#end = () => child.kill();
  }

  close(): void {
    this.#end();
  }

  /** The states in which the pod was seen, the oldest first. */
  history(name: string): readonly Pod[] {
    return this.#seen.get(name) ?? [];
  }

  /** Those that are there, as they are now. */
  pods(): readonly Pod[] {
    return [...this.#seen].flatMap(([name, states]) => (this.#deleted.has(name) ? [] : states.slice(-1)));
  }

  /** The pod as it is when `holds` holds of it: it may hold already. */
  until(name: string, what: string, holds: (pod: Pod) => boolean, timeoutMs = waitMsMax): Promise<Pod> {
    return this.#wait(name, what, timeoutMs, () => {
      const pod = this.history(name).at(-1);
      return pod !== undefined && !this.#deleted.has(name) && holds(pod) ? pod : undefined;
    });
  }

  ended(name: string): Promise<Pod> {
    return this.until(name, 'it has ended', hasEnded);
  }

  ready(name: string): Promise<Pod> {
    return this.until(name, 'it is Ready', isReady);
  }

  /** Resolves with its last state. */
  gone(name: string): Promise<Pod> {
    return this.#wait(name, 'it is gone', waitMsMax, () =>
      this.#deleted.has(name) ? this.history(name).at(-1) : undefined,
    );
  }

  #wait(name: string, what: string, timeoutMs: number, find: () => Pod | undefined): Promise<Pod> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#waiters.delete(waiter);
        timer.cancel();
        resolve(found);
      };
      const waiter: Waiter = { name, look };
      const timer = clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter);
        const status = JSON.stringify(this.history(name).at(-1)?.status, undefined, 1);
        reject(new Error(`pod ${name}: not within ${timeoutMs} ms: ${what}; its status: ${status}${this.#complaint}`));
      });
      this.#waiters.add(waiter);
      look();
    });
  }

  /** One JSON object a line. */
  #read(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      // What is no JSON is kubectl's complaint.
      if (line.startsWith('{')) this.#take(JSON.parse(line) as { type: string; object: Pod });
      else this.#complaint += line;
    }
  }

  #take({ type, object }: { readonly type: string; readonly object: Pod }): void {
    const name = object.metadata?.name ?? '';
    if (type === 'DELETED') this.#deleted.add(name);
    else this.#deleted.delete(name);
    this.#seen.set(name, [...this.history(name), object]);
    for (const waiter of this.#waiters) if (waiter.name === name) waiter.look();
  }
}
