/**
 * One gRPC connection to a CRI runtime's Unix socket: typed calls, each with a deadline, and the event streams.
 *
 * grpc-js and proto-loader take some 80 ms to load, so nobody imports this file's dependencies before `loadCri`, which
 * start-up calls early, while containerd itself starts.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChannelCredentials, ClientReadableStream, Metadata, ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { RuntimeError } from '../runtime.ts';
import { toRuntimeError } from './errors.ts';
import type { ContainerdMethods, ContainerEvent, CriMethods, TaskEnvelope } from './messages.ts';

/** containerd cuts the output of an exec at 16 MiB a stream; the rest is small. */
const messageBytesMax = 64 * 1024 * 1024;

/** grpc-js sets a Node timer for a deadline, which clamps beyond this. */
const deadlineMsMax = 2 ** 31 - 1;

/** containerd's namespace for everything that is made through the CRI. */
export const criNamespace = 'k8s.io';

type Unary = (
  request: unknown,
  options: { deadline: number },
  done: (error: ServiceError | null, response: unknown) => void,
) => void;

interface ClientBase {
  close(): void;
}
type ServiceClient = ClientBase & Record<string, Unary>;
interface EventsClient extends ClientBase {
  Subscribe(request: { filters: readonly string[] }, metadata: Metadata): ClientReadableStream<TaskEnvelope>;
}
/** containerd's own services take the namespace as metadata. */
type NamespacedUnary = (
  request: unknown,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response: unknown) => void,
) => void;
type NamespacedClient = ClientBase & Record<string, NamespacedUnary>;
interface RuntimeClient extends ClientBase {
  GetContainerEvents(request: object): ClientReadableStream<ContainerEvent>;
}

type Constructor<T> = new (address: string, credentials: ChannelCredentials, options: object) => T;

interface LoadedCri {
  readonly RuntimeService: Constructor<ServiceClient & RuntimeClient>;
  readonly ImageService: Constructor<ServiceClient>;
  readonly Events: Constructor<EventsClient>;
  readonly Tasks: Constructor<NamespacedClient>;
  readonly Containers: Constructor<NamespacedClient>;
  readonly Snapshots: Constructor<NamespacedClient>;
  readonly credentials: ChannelCredentials;
  readonly metadata: () => Metadata;
}

let loading: Promise<LoadedCri> | undefined;

/** Loads grpc-js and the protocol once a process. Call it early and ignore the result to have it ready later. */
export function loadCri(): Promise<LoadedCri> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LoadedCri> {
  const { grpc, loader } = await import('./grpc-packages.ts');
  const names = ['cri.proto', 'events.proto', 'tasks.proto', 'containers.proto', 'snapshots.proto'];
  const files = names.map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const definition = loader.loadSync(files, { keepCase: true, longs: Number, enums: String, defaults: true });
  const root = grpc.loadPackageDefinition(definition) as unknown as {
    runtime: { v1: Pick<LoadedCri, 'RuntimeService' | 'ImageService'> };
    containerd: {
      services: {
        events: { v1: Pick<LoadedCri, 'Events'> };
        tasks: { v1: Pick<LoadedCri, 'Tasks'> };
        containers: { v1: Pick<LoadedCri, 'Containers'> };
        snapshots: { v1: Pick<LoadedCri, 'Snapshots'> };
      };
    };
  };
  const { events, tasks, containers, snapshots } = root.containerd.services;
  return {
    ...root.runtime.v1,
    ...events.v1,
    ...tasks.v1,
    ...containers.v1,
    ...snapshots.v1,
    credentials: grpc.credentials.createInsecure(),
    metadata: () => new grpc.Metadata(),
  };
}

const imageMethods: ReadonlySet<keyof CriMethods> = new Set([
  'ListImages',
  'ImageStatus',
  'PullImage',
  'RemoveImage',
  'ImageFsInfo',
]);
const snapshotMethods: ReadonlySet<keyof ContainerdMethods> = new Set(['View', 'Mounts', 'Remove']);

export class CriConnection {
  readonly #cri: LoadedCri;
  readonly #clock: Clock;
  readonly #runtime: ServiceClient & RuntimeClient;
  readonly #images: ServiceClient;
  readonly #events: EventsClient;
  readonly #tasks: NamespacedClient;
  readonly #containers: NamespacedClient;
  readonly #snapshots: NamespacedClient;
  #closed = false;

  /** `address` is the socket's absolute path. Connects at the first call, and again by itself. */
  static async open(address: string, clock: Clock): Promise<CriConnection> {
    return new CriConnection(await loadCri(), address, clock);
  }

  private constructor(cri: LoadedCri, address: string, clock: Clock) {
    const options = {
      'grpc.max_receive_message_length': messageBytesMax,
      // By default the first attempt after a refused one comes a second later.
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.min_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 200,
      'grpc.enable_http_proxy': 0,
    };
    this.#cri = cri;
    this.#clock = clock;
    this.#runtime = new cri.RuntimeService(`unix://${address}`, cri.credentials, options);
    this.#images = new cri.ImageService(`unix://${address}`, cri.credentials, options);
    this.#events = new cri.Events(`unix://${address}`, cri.credentials, options);
    this.#tasks = new cri.Tasks(`unix://${address}`, cri.credentials, options);
    this.#containers = new cri.Containers(`unix://${address}`, cri.credentials, options);
    this.#snapshots = new cri.Snapshots(`unix://${address}`, cri.credentials, options);
  }

  /** @throws RuntimeError; `timeout` where the answer took longer than `timeoutMs` */
  call<M extends keyof CriMethods>(
    method: M,
    request: CriMethods[M]['request'],
    timeoutMs: number,
  ): Promise<CriMethods[M]['response']> {
    if (this.#closed) return Promise.reject(new RuntimeError('unavailable', 'the connection to the runtime is closed'));
    const client = imageMethods.has(method) ? this.#images : this.#runtime;
    const deadline = this.#clock.now() + Math.min(timeoutMs, deadlineMsMax);
    return new Promise((resolve, reject) => {
      client[method]?.(request, { deadline }, (error, response) => {
        if (error === null) resolve(response as CriMethods[M]['response']);
        else reject(toRuntimeError(error));
      });
    });
  }

  /** Of containerd's own services, in the CRI's namespace; other runtimes have none. @throws RuntimeError */
  containerd<M extends keyof ContainerdMethods>(
    method: M,
    request: ContainerdMethods[M]['request'],
    timeoutMs: number,
  ): Promise<ContainerdMethods[M]['response']> {
    if (this.#closed) return Promise.reject(new RuntimeError('unavailable', 'the connection to the runtime is closed'));
    const client = this.#serviceOf(method);
    const deadline = this.#clock.now() + Math.min(timeoutMs, deadlineMsMax);
    const metadata = this.#cri.metadata();
    metadata.set('containerd-namespace', criNamespace);
    return new Promise((resolve, reject) => {
      client[method]?.(request, metadata, { deadline }, (error, response) => {
        if (error === null) resolve(response as ContainerdMethods[M]['response']);
        else reject(toRuntimeError(error));
      });
    });
  }

  #serviceOf(method: keyof ContainerdMethods): NamespacedClient {
    if (method === 'Get') return this.#containers;
    return snapshotMethods.has(method) ? this.#snapshots : this.#tasks;
  }

  /** The CRI's own stream of events; containerd 1.6 ends it with code 12 (unimplemented). */
  containerEvents(): ClientReadableStream<ContainerEvent> {
    return this.#runtime.GetContainerEvents({});
  }

  /** containerd's stream of exits and out-of-memory kills in the CRI's namespace. */
  taskEvents(): ClientReadableStream<TaskEnvelope> {
    const filters = ['exit', 'oom'].map((topic) => `topic=="/tasks/${topic}",namespace==${criNamespace}`);
    return this.#events.Subscribe({ filters }, this.#cri.metadata());
  }

  /** Calls under way end with `unavailable`. */
  close(): void {
    this.#closed = true;
    const named = [this.#tasks, this.#containers, this.#snapshots];
    for (const client of [this.#runtime, this.#images, this.#events, ...named]) client.close();
  }
}

/** Ends when the stream ends, however it does; resolves with the error if it ended by one. */
export async function streamEnd(stream: ClientReadableStream<unknown>): Promise<unknown> {
  try {
    await once(stream, 'end');
    return undefined;
  } catch (error) {
    return error;
  }
}
