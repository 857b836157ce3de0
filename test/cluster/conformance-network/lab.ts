/** One cluster on this machine for upstream's steps about the network: pods that serve (`server.ts`), and pods and Services as the tests wish them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { EnvVar, Pod, Service, ServicePort, ServiceSpec } from '../../../src/api/schema/types/core-v1.ts';
import { type ResourceClient, typed } from '../../clients/conformance/client.ts';
import { type Sent, Wire } from '../../clients/conformance/wire.ts';
import { eventually, TestCluster } from '../../harness.ts';
import { muslProgram } from '../../network/resolver-programs.ts';
import { type Manifest, PodWatch, type PodWishes, podManifest, shellImage } from '../workload.ts';

export const serverImage = 'test/network-server:1';
const waitMs = 90_000;

/** Addresses by its C library's resolver, for each of the two. */
export const resolvers = { glibc: '/usr/bin/getent', musl: '/usr/bin/addresses-musl' } as const;

export interface Ask {
  readonly protocol?: 'http' | 'udp';
  readonly host: string;
  readonly port?: number;
  /** `hostname` where absent. */
  readonly request?: string;
  readonly body?: string;
  readonly tries?: number;
  readonly timeoutMs?: number;
  /** The port to ask from, for UDP. */
  readonly from?: number;
}

export interface Answers {
  readonly answers: readonly string[];
  /** Codes, as `ECONNREFUSED`. */
  readonly errors: readonly string[];
}

export interface ServerWishes extends PodWishes {
  /** Its ports, 8080 of HTTP where absent. */
  readonly http?: readonly number[];
  readonly udp?: readonly number[];
  readonly ignoresTerm?: boolean;
  /** The names of its HTTP ports. */
  readonly portNames?: Readonly<Record<string, number>>;
}

/** A pod that serves. Its label `app` is its name, where the test wishes for no other labels. */
export function serverManifest(name: string, wishes: ServerWishes): Manifest {
  const { http = [8080], udp = [], ignoresTerm = false, portNames = {}, ...more } = wishes;
  const env: EnvVar[] = [
    { name: 'NAME', value: name },
    { name: 'HTTP', value: http.join() },
    { name: 'UDP', value: udp.join() },
    { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ...(ignoresTerm ? [{ name: 'IGNORE_TERM', value: 'yes' }] : []),
  ];
  const ports = Object.entries(portNames).map(([portName, containerPort]) => ({ name: portName, containerPort }));
  const readinessProbe = { httpGet: { path: '/healthz', port: http[0] ?? 0 }, periodSeconds: 1, failureThreshold: 1 };
  const [container = {}] = more.containers ?? [];
  const containers = [{ image: serverImage, env, ports, readinessProbe, ...container }];
  return podManifest(name, { labels: { app: name }, ...more, containers });
}

export class NetworkLab {
  readonly cluster: TestCluster;
  readonly watch: PodWatch;
  readonly wire: Wire;
  readonly #folder: string;

  private constructor(cluster: TestCluster, folder: string) {
    this.cluster = cluster;
    this.watch = new PodWatch(cluster);
    this.wire = new Wire(cluster.connection);
    this.#folder = folder;
  }

  static async up(): Promise<NetworkLab> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-network-lab-'));
    const musl = await muslProgram(folder);
    const cluster = await TestCluster.up();
    const pack = (...more: string[]): Promise<string> => cluster.mustNaru('image', 'pack', ...more);
    const node = process.execPath;
    const files = [`${path.join(import.meta.dirname, 'server.ts')}:/app/server.ts`, `${musl}:${resolvers.musl}`];
    const programs = [node, resolvers.glibc, '/usr/bin/busybox'];
    await pack('/usr/bin/busybox', '--name', shellImage);
    await pack(...programs, '--name', serverImage, '--entrypoint', node, '/app/server.ts', '--file', ...files);
    return new NetworkLab(cluster, folder);
  }

  close(): void {
    this.watch.close();
    this.wire.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  resource(apiVersion: string, kind: string, namespace = 'default'): ResourceClient {
    return typed(this.wire, apiVersion, kind, namespace);
  }

  get services(): ResourceClient {
    return this.resource('v1', 'Service');
  }

  /** Resolves when it was created. */
  async server(name: string, wishes: ServerWishes = {}): Promise<void> {
    await this.resource('v1', 'Pod').create(serverManifest(name, wishes));
  }

  /** The same, Ready. */
  async ready(name: string, wishes: ServerWishes = {}): Promise<Pod> {
    await this.server(name, wishes);
    return this.watch.ready(name);
  }

  /** Pods of one label, all Ready: `NAME-0`, `NAME-1`, … */
  servers(app: string, count: number, wishes: ServerWishes = {}): Promise<readonly Pod[]> {
    const names = Array.from({ length: count }, (_, index) => `${app}-${index}`);
    return Promise.all(names.map((name) => this.ready(name, { labels: { app }, ...wishes })));
  }

  async remove(...names: readonly string[]): Promise<void> {
    const pods = this.resource('v1', 'Pod');
    await Promise.all(names.map((name) => pods.delete(name, { gracePeriodSeconds: 1 })));
  }

  /** For the pods of a label, where the test wishes for no other selector; its port 80 is their 8080. */
  async service(name: string, spec: Partial<ServiceSpec> = {}, metadata: object = {}): Promise<Service> {
    const ports: readonly ServicePort[] = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];
    const made = { metadata: { name, ...metadata }, spec: { selector: { app: name }, ports, ...spec } };
    return (await this.services.create(made)) as Service;
  }

  /** Puts fields of `spec` over what is there; null takes one out. */
  async change(service: string, spec: object): Promise<Service> {
    return (await this.services.patch(service, 'merge', { spec })) as Service;
  }

  /** Asks from a server's pod. */
  async dial(from: Pod, ask: Ask): Promise<Answers> {
    const { body = '', ...query } = ask;
    return (await this.#order(from, 'dial', query, body)) as Answers;
  }

  /** A program in a server's pod. */
  async run(in_: Pod, ...argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return (await this.#order(in_, 'run', { argv: JSON.stringify(argv) })) as {
      code: number;
      stdout: string;
      stderr: string;
    };
  }

  /** HTTPS from a server's pod, with the authority that it is given. */
  async https(from: Pod, url: string, token: string): Promise<{ readonly code: number; readonly body: string }> {
    return (await this.#order(from, 'https', { url, token })) as { code: number; body: string };
  }

  async #order(pod: Pod, what: string, query: object, body = ''): Promise<unknown> {
    const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    const env = pod.spec?.containers[0]?.env ?? [];
    const [port = '8080'] = env.find(({ name }) => name === 'HTTP')?.value?.split(',') ?? [];
    const url = `http://${pod.status?.podIP}:${port}/${what}?${search.toString()}`;
    const response = await fetch(url, { method: 'POST', body });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  /** All of these answer from there, nobody else, and no question is lost. */
  async reaches(from: Pod, ask: Ask, expected: readonly string[]): Promise<void> {
    let last: Answers | undefined;
    const what = () =>
      `${ask.host}:${ask.port ?? 80} is answered by ${expected.join(', ')}; last ${JSON.stringify(last)}`;
    const looks = eventually(
      'answers',
      async () => {
        last = await this.dial(from, { tries: expected.length === 1 ? 4 : expected.length * 8, ...ask });
        const who = [...new Set(last.answers)].toSorted();
        return last.errors.length === 0 && who.join() === expected.toSorted().join();
      },
      waitMs,
    );
    await looks.catch((cause: unknown) => assert.fail(`${what()} (${String(cause)})`));
  }

  /** Nobody answers: every question ends so. */
  async fails(from: Pod, ask: Ask, code: 'ECONNREFUSED' | 'ABORT_ERR' = 'ECONNREFUSED'): Promise<void> {
    let last: Answers | undefined;
    const looks = eventually(
      'failures',
      async () => {
        last = await this.dial(from, { tries: 2, timeoutMs: 1000, ...ask });
        const { answers, errors } = last;
        // The kernel sends few ICMP errors a second, and UDP has nothing else to be refused by.
        const isSo = ask.protocol === 'udp' ? errors.includes(code) : errors.every((error) => error === code);
        return answers.length === 0 && isSo;
      },
      waitMs,
    );
    await looks.catch((cause: unknown) =>
      assert.fail(`${ask.host}:${ask.port ?? 80}: ${code} expected; last ${JSON.stringify(last)} (${String(cause)})`),
    );
  }

  /** `POD:PORT` of all ready endpoints, as slices tell, when they are these. */
  endpoints(service: string, expected: Readonly<Record<string, readonly number[]>>): Promise<unknown> {
    const wanted = Object.entries(expected).flatMap(([pod, ports]) => ports.map((port) => `${pod}:${port}`));
    return eventually(
      `endpoints of ${service}: ${wanted.join(' ')}`,
      async () => {
        const labelSelector = `kubernetes.io/service-name=${service}`;
        const { items } = await this.resource('discovery.k8s.io/v1', 'EndpointSlice').list({ labelSelector });
        const found = (items as readonly Sent[]).flatMap(({ endpoints = [], ports = [] }) =>
          endpoints
            .filter(({ conditions }: Sent) => conditions?.ready !== false)
            .flatMap(({ targetRef }: Sent) => ports.map(({ port }: Sent) => `${targetRef?.name}:${port}`)),
        );
        return found.toSorted().join() === wanted.toSorted().join();
      },
      waitMs,
    );
  }

  /** The machine's own address, as the cluster knows it. */
  async nodeAddress(): Promise<string> {
    const { items } = await this.resource('v1', 'Node', '').list();
    return (items as readonly Sent[])[0].status.addresses.find(({ type }: Sent) => type === 'InternalIP').address;
  }
}

export type GetLab = () => NetworkLab;

export const ipOf = (pod: Pod): string => pod.status?.podIP ?? '';
export const clusterIp = ({ spec }: Service): string => spec?.clusterIP ?? '';
export const nodePort = ({ spec }: Service, index = 0): number => spec?.ports?.[index]?.nodePort ?? 0;
