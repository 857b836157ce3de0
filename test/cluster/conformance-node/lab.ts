/** One cluster on this machine for upstream's steps, and what they have in common. Made before the tests and read by them, hence the functions. */
import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';
import type { Container, Event, Pod } from '../../../src/api/schema/types/core-v1.ts';
import { issueAuthority } from '../../../src/server/certificates/issue.ts';
import { type ResourceClient, typed } from '../../clients/conformance/client.ts';
import { Wire } from '../../clients/conformance/wire.ts';
import { eventually, TestCluster } from '../../harness.ts';
import { create, forever, PodWatch, type PodWishes, podManifest, script, shellImage, statusOf } from '../workload.ts';

export const serverImage = 'test/conformance-server:1';
/** Its user is 1234. */
export const userImage = 'test/user-1234:1';
export const tlsSecret = 'server-tls';

export class NodeLab {
  readonly cluster: TestCluster;
  readonly watch: PodWatch;
  readonly wire: Wire;
  /** As Go's typed client speaks of pods. */
  readonly pods: ResourceClient;

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
    this.watch = new PodWatch(cluster);
    this.wire = new Wire(cluster.connection);
    this.pods = typed(this.wire, 'v1', 'Pod', 'default');
  }

  /** @param arguments_ of `naru up` */
  static async up(...arguments_: string[]): Promise<NodeLab> {
    const cluster = await TestCluster.up(...arguments_);
    const pack = (...more: string[]): Promise<string> => cluster.mustNaru('image', 'pack', ...more);
    const program = path.join(import.meta.dirname, 'server.ts');
    const node = process.execPath;
    await pack('/usr/bin/busybox', '--name', shellImage);
    await pack('/usr/bin/busybox', '--name', userImage, '--user', '1234');
    const entry = ['--entrypoint', node, '/app/server.ts'];
    await pack(node, '--file', `${program}:/app/server.ts`, '--name', serverImage, ...entry);
    const { certificate, key } = await issueAuthority('server', { nowMs: Date.now(), lifetimeMs: 86_400_000 });
    await create(cluster, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: tlsSecret },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': certificate, 'tls.key': key },
    });
    return new NodeLab(cluster);
  }

  close(): void {
    this.watch.close();
    this.wire.close();
  }

  async run(name: string, wishes: PodWishes): Promise<void> {
    await this.pods.create(podManifest(name, wishes));
  }

  async remove(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.pods.delete(name, { gracePeriodSeconds: 1 })));
  }

  /** Of the pod's container, where it has only one. */
  async logs(name: string, query = ''): Promise<string> {
    const answer = await this.wire.ask({ method: 'GET', path: `/api/v1/namespaces/default/pods/${name}/log?${query}` });
    assert.equal(answer.code, 200, answer.body.toString());
    return answer.body.toString();
  }

  exec(name: string, container: string, ...command: readonly string[]): Promise<string> {
    return this.cluster.mustKubectl('exec', name, '-c', container, '--', ...command);
  }

  /** Lets a pod run to its end, and resolves with what it wrote. */
  async output(name: string, wishes: PodWishes): Promise<string> {
    await this.run(name, wishes);
    const pod = await this.watch.ended(name);
    const text = await this.logs(name);
    assert.equal(pod.status?.phase, 'Succeeded', `${text}\n${JSON.stringify(pod.status)}`);
    await this.remove(name);
    return text;
  }

  /** What was told of a pod. */
  async events(name: string): Promise<readonly Event[]> {
    const fieldSelector = `involvedObject.name=${name}`;
    return (await typed(this.wire, 'v1', 'Event', 'default').list({ fieldSelector })).items as readonly Event[];
  }

  /** Resolves with the message. */
  event(name: string, reason: string, message = /./): Promise<string> {
    return eventually(
      `event ${reason} ${message.source} of ${name}`,
      async () => {
        const events = await this.events(name);
        return events.find((one) => one.reason === reason && message.test(one.message ?? ''))?.message;
      },
      eventWaitMs,
    );
  }
}

export type GetLab = () => NodeLab;

/** On a busy machine a server may take several starts until it listens when it is first probed. */
const eventWaitMs = 120_000;

/** As an app container, and as a restartable init container before one: upstream holds both to the same steps. */
export type Role = 'app' | 'sidecar';
export const roles: readonly Role[] = ['app', 'sidecar'];
export const subject = 'subject';

export function inRole(role: Role, container: Partial<Container>): PodWishes {
  const named = { ...container, name: subject };
  return role === 'app'
    ? { containers: [named] }
    : { initContainers: [{ ...named, restartPolicy: 'Always' }], containers: [script(forever)] };
}

export const restartsOf = (pod: Pod, container: string = subject): number =>
  statusOf(pod, container)?.restartCount ?? 0;

/** Restart counts of all that was seen never go back. */
export function assertMonotonic(history: readonly Pod[], container: string = subject): void {
  const counts = history.map((pod) => restartsOf(pod, container));
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
}
