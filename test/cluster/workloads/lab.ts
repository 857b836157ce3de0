/** What the workloads' tests have in common: the cluster, its pods by their labels, and clients from outside. */
import assert from 'node:assert/strict';
import { type ClientRequest, request as httpRequest } from 'node:http';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { eventually, sleep, type TestCluster } from '../../harness.ts';
import { isReady, type Manifest, type PodWatch } from '../workload.ts';

export interface Lab {
  readonly cluster: TestCluster;
  readonly watch: PodWatch;
  /** A folder of this machine for disks of the node. */
  readonly disks: string;
  readonly nodeName: string;
}

/** The machine may have much else to do. */
const waitMsMax = 120_000;

export const nameOf = (pod: Pod): string => pod.metadata?.name ?? '';
export const isEnding = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;

/** Those that are there, the ending ones, too. */
export function podsOf({ watch }: Lab, app: string): readonly Pod[] {
  return watch.pods().filter((pod) => pod.metadata?.labels?.['app'] === app);
}

/** As a Service would see them. */
export function endpointsOf(lab: Lab, app: string): readonly Pod[] {
  return podsOf(lab, app).filter((pod) => isReady(pod) && !isEnding(pod));
}

/** Waits until exactly so many are there, all of them Ready, and none that `without` names. */
export function readyPods(lab: Lab, app: string, count: number, without: readonly Pod[] = []): Promise<readonly Pod[]> {
  const old = new Set(without.map((pod) => pod.metadata?.uid));
  const what = `${count} ready pods of ${app}, and no other`;
  return eventually(
    what,
    () => {
      const all = podsOf(lab, app);
      const ready = endpointsOf(lab, app).filter((pod) => !old.has(pod.metadata?.uid));
      return all.length === count && ready.length === count ? ready : undefined;
    },
    waitMsMax,
  ).catch((error: Error) => {
    const seen = podsOf(lab, app).map((pod) => `${nameOf(pod)} ${JSON.stringify(pod.status, undefined, 1)}`);
    throw new Error(`${error.message}; seen: ${seen.join('\n')}`, { cause: error });
  });
}

export async function readyPod(lab: Lab, app: string, without: readonly Pod[] = []): Promise<Pod> {
  return (await readyPods(lab, app, 1, without))[0] as Pod;
}

/** Waits; generous, since the machine may have much else to do. */
export function until(what: string, holds: () => Promise<boolean> | boolean): Promise<unknown> {
  return eventually(what, async () => ((await holds()) ? true : undefined), waitMsMax);
}

export function kubectl({ cluster }: Lab, ...args: string[]): Promise<string> {
  return cluster.mustKubectl(...args);
}

/** What a shell in the pod writes. */
export function shell(lab: Lab, pod: string, text: string): Promise<string> {
  return kubectl(lab, 'exec', pod, '--', '/bin/sh', '-c', text).then((output) => output.trim());
}

/** Deletes the pod, waits until it is gone, and says how its first container ended. */
export async function deleteAndSeeEnd(lab: Lab, pod: string) {
  const { metadata } = await lab.watch.until(pod, 'it is there', () => true);
  await kubectl(lab, 'delete', 'pod', pod, '--wait=false');
  return endOf(lab, pod, metadata?.uid);
}

/** How the first container of this one of the pods of that name ended; waits for it. */
export function endOf({ watch }: Lab, name: string, uid: string | undefined) {
  const last = () => watch.history(name).findLast(({ metadata }) => metadata?.uid === uid);
  return eventually(
    `pod ${name} has ended`,
    () => last()?.status?.containerStatuses?.[0]?.state?.terminated,
    waitMsMax,
  );
}

/** A request whose body stays open until `finish`. @throws Error where the answer does not come whole */
export function upload(pod: Pod, port = 8080): { finish(): Promise<Answer> } {
  const outgoing = httpRequest({ host: pod.status?.podIP ?? '', port, method: 'POST', agent: false });
  const answer = answerTo(outgoing);
  // Whoever never comes to `finish` has failed for a reason of its own.
  answer.catch(() => {});
  outgoing.write('begun, ');
  return {
    finish() {
      outgoing.end('and finished');
      return answer;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** On a connection of its own, as a new client. @throws Error where the answer does not come whole */
export function request(pod: Pod, path: string, port = 8080): Promise<Answer> {
  const outgoing = httpRequest({ host: pod.status?.podIP ?? '', port, path, agent: false, timeout: 60_000 });
  outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer from ${nameOf(pod)}`)));
  outgoing.end();
  return answerTo(outgoing);
}

function answerTo(outgoing: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', reject);
    });
  });
}

/** Lets a client visit the pods of an application while something happens to them, and tells which served. No request may fail. */
export async function visited(lab: Lab, app: string, path: string, act: (visitor: Visitor) => Promise<void>) {
  const visitor = new Visitor(lab, app, path);
  try {
    await visitor.served(20);
    await act(visitor);
    await visitor.served(20);
  } finally {
    await visitor.stop();
  }
  assert.deepEqual(visitor.failures, []);
  return visitor.servedBy;
}

/** A client that never stops asking, each time another of the pods that are ready. */
class Visitor {
  readonly failures: string[] = [];
  readonly #served = new Map<string, number>();
  readonly #loop: Promise<void>;
  #stopped = false;

  constructor(lab: Lab, app: string, path: string) {
    this.#loop = this.#visit(() => endpointsOf(lab, app), path);
  }

  get servedBy(): readonly string[] {
    return [...this.#served.keys()];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  /** Waits until it was served so many times more. */
  async served(times: number): Promise<void> {
    const total = (): number => [...this.#served.values()].reduce((sum, count) => sum + count, 0);
    const goal = total() + times;
    await until(`${times} more requests are served`, () => total() >= goal || this.failures.length > 0);
    assert.deepEqual(this.failures, []);
  }

  async #visit(endpoints: () => readonly Pod[], path: string): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const ready = endpoints();
      const pod = ready[turn % Math.max(ready.length, 1)];
      if (pod === undefined) this.failures.push('no pod is ready');
      else await this.#ask(pod, path);
      await sleep(20);
    }
  }

  async #ask(pod: Pod, path: string): Promise<void> {
    try {
      const { status } = await request(pod, path);
      if (status === 200) this.#served.set(nameOf(pod), (this.#served.get(nameOf(pod)) ?? 0) + 1);
      else this.failures.push(`${nameOf(pod)}: ${status}`);
    } catch (error) {
      this.failures.push(`${nameOf(pod)}: ${(error as Error).message}`);
    }
  }
}

/** A disk of this node, for the claim of that StatefulSet's only pod. */
export function diskFor({ nodeName, disks }: Lab, name: string): Manifest {
  const values = [nodeName];
  const nodeSelectorTerms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }] }];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `disk-${name}` },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: diskClass,
      claimRef: { namespace: 'default', name: `data-${name}-0` },
      local: { path: `${disks}/${name}` },
      nodeAffinity: { required: { nodeSelectorTerms } },
    },
  };
}

const diskClass = 'disks-of-nodes';

/** Disks that somebody put into nodes: a claim waits until its pod has a node. */
export const diskStorageClass: Manifest = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: diskClass },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: 'WaitForFirstConsumer',
};

export const claimOfDisk = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: diskClass, resources: { requests: { storage: '1Gi' } } },
};
