/**
 * Story A, measured: visitors of three nodes' Ingress, of a node port and of the Service's own address, while the application is rolled, scaled and its
 * nodes are drained. Nobody's request fails, and no WebSocket is cut before its pod's grace period is over.
 */
import path from 'node:path';
import process from 'node:process';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { NodeLab } from '../cluster/node-lab.ts';
import { isReady } from '../cluster/workload.ts';
import { elapsedMs, eventually, sleep } from '../harness.ts';
import * as manifests from './a-manifests.ts';
import { Crowd, secondsOf } from './crowd.ts';
import { packWeb, visitFolder } from './web-image.ts';

export interface StoryReport {
  /** What was said of requests that failed, one a line. */
  readonly failures: readonly string[];
  /** WebSockets that ended before their pod had to, one a line. */
  readonly cutEarly: readonly string[];
  readonly requests: number;
  /** WebSockets that ended with their pod. */
  readonly socketsEnded: number;
  readonly pods: number;
}

const longMs = 180_000;

export class StoryA {
  readonly lab: NodeLab;
  readonly #crowd: Crowd;
  /** By pod: when its grace period is over, as the API says it, a second less at most. */
  readonly #ends = new Map<string, number>();

  private constructor(lab: NodeLab, say: (line: string) => void) {
    this.lab = lab;
    this.#crowd = new Crowd(say);
  }

  /** Three nodes with six pods, which answer on each of them. */
  static async open(say: (line: string) => void): Promise<StoryA> {
    const story = new StoryA(await NodeLab.open(3), say);
    try {
      await story.#prepare();
    } catch (error) {
      await story.close();
      throw error;
    }
    return story;
  }

  async #prepare(): Promise<void> {
    const { lab } = this;
    await lab.join();
    await lab.importImage(await packWeb(lab.folder));
    this.#crowd.tell('the nodes have their images');
    await lab.create(manifests.deployment, manifests.service, manifests.ingress);
    await this.#allReady(6);
    for (const node of lab.nodes) {
      await eventually(`the gateway of ${node.name} answers`, () => this.#answers(node.address, 80), longMs);
      await eventually(`the node port of ${node.name} answers`, () => this.#answers(node.address, manifests.nodePort));
    }
    this.#crowd.tell('six pods answer on every node');
  }

  async #answers(address: string, port: number): Promise<boolean> {
    const request = { host: address, port, headers: { host: manifests.host }, timeout: 2000 };
    const text = `require('http').get(${JSON.stringify(request)}, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))`;
    return (await this.lab.outsideRun([process.execPath, '-e', text], { timeoutMs: 5000 })).code === 0;
  }

  /** How long pods have to leave load balancing, other than is usual. */
  settle(settleMilliseconds: number): Promise<void> {
    return this.lab.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'naru-network', namespace: 'kube-system' },
      data: { 'network.yaml': JSON.stringify({ draining: { settleMilliseconds } }) },
    });
  }

  /** The visitors come, and stay. */
  async visitors(rate: number, sockets: number): Promise<void> {
    const { lab } = this;
    const watch = lab.kubectlLine('get', 'pods', '--watch', '-l', 'app=web', '-o', 'json', '--output-watch-events');
    this.#crowd.watch(watch, (line) => this.#seen(line['object'] as Pod));
    const visitors = path.join(visitFolder, 'visitors.ts');
    const urlsAt = (port: number) => lab.nodes.flatMap(({ address }) => ['--url', `http://${address}:${port}`]);
    const start = (name: string, ...args: readonly string[]): void => {
      this.#crowd.come(name, lab.outside([process.execPath, visitors, ...args]));
    };
    const counts = ['--rate', String(rate), '--sockets', String(sockets)];
    start('ingress', ...urlsAt(80), '--host', manifests.host, ...counts);
    start('node port', ...urlsAt(manifests.nodePort), '--rate', '40', '--fresh');
    const { spec } = await lab.json<{ readonly spec: { readonly clusterIP: string } }>('get', 'service', 'web');
    await lab.create(manifests.innerVisitors(lab.nodes[0]?.name ?? '', `http://${spec.clusterIP}`));
    await eventually('visitors come from within, too', async () => {
      const pod = await lab.json<Pod>('get', 'pod', 'visitors');
      return pod.status?.phase === 'Running';
    });
    this.#crowd.come('cluster address', lab.kubectlLine('logs', '--follow', 'visitors'));
    await eventually(
      'visitors of three kinds, and all WebSockets are there',
      () => this.#crowd.totals.size === 3 && this.#crowd.totals.get('ingress')?.sockets === sockets,
    );
  }

  /** @param drained the node that is emptied */
  async round(drained: string): Promise<void> {
    const { lab } = this;
    await this.#step('rolled', () => lab.mustKubectl('rollout', 'restart', 'deployment/web'));
    await this.#step('scaled to 12', () => this.#scale(12));
    await this.#step('scaled to 3', () => this.#scale(3));
    await this.#step('scaled to 6', () => this.#scale(6));
    await this.#step(`${drained} drained`, () => lab.mustKubectl('drain', drained, '--timeout=60s'));
    await lab.mustKubectl('uncordon', drained);
  }

  async #step(what: string, act: () => Promise<unknown>): Promise<void> {
    const tookMs = elapsedMs();
    const failedBefore = this.#crowd.failures.length;
    await act();
    await this.lab.mustKubectl('rollout', 'status', 'deployment/web', '--timeout=50s');
    // Pods that ended keep their WebSockets to the end of their time.
    await eventually('what was to go is gone', () => this.#isCalm(), longMs);
    const failed = this.#crowd.failures.length - failedBefore;
    this.#crowd.tell(`${what}: ${secondsOf(tookMs())}, failed requests: ${failed}`);
  }

  #scale(replicas: number): Promise<string> {
    return this.lab.mustKubectl('scale', 'deployment/web', `--replicas=${replicas}`);
  }

  async #isCalm(): Promise<boolean> {
    await sleep(500);
    const { items } = await this.lab.json<PodList>('get', 'pods', '-l', 'app=web');
    return items.every((pod) => isReady(pod) && pod.metadata?.deletionTimestamp === undefined);
  }

  async #allReady(count: number): Promise<void> {
    await eventually(
      `${count} pods are Ready`,
      async () =>
        (await this.#isCalm()) && (await this.lab.json<PodList>('get', 'pods', '-l', 'app=web')).items.length === count,
      longMs,
    );
  }

  /** The visitors go home, and what they saw is told. */
  async leave(): Promise<StoryReport> {
    await this.#crowd.leave();
    await this.lab.mustKubectl('delete', 'pod', 'visitors');
    return this.#report();
  }

  #report(): StoryReport {
    const { failures, ended, requests, totals } = this.#crowd;
    const isEarly = ({ pod, atMs }: { readonly pod: string; readonly atMs: number }): boolean =>
      atMs < (this.#ends.get(pod) ?? Number.POSITIVE_INFINITY);
    return {
      failures,
      cutEarly: ended.filter(isEarly).map(({ text }) => text),
      requests,
      socketsEnded: ended.length,
      pods: Math.max(0, ...[...totals.values()].map(({ pods }) => pods)),
    };
  }

  #seen({ metadata }: Pod): void {
    const { name = '', deletionTimestamp } = metadata ?? {};
    if (deletionTimestamp !== undefined) this.#ends.set(name, Date.parse(deletionTimestamp));
  }

  async close(): Promise<void> {
    await this.#crowd.leave();
    await this.lab.close();
  }
}
