/**
 * gRPC as plugins speak it: a service out of a protocol file beside its source, a client of one over a Unix socket, and errors in the words
 * that upstream's tools print.
 *
 * grpc-js and proto-loader are loaded when the first plugin comes: nobody pays for them who has none.
 */
import type { ClientReadableStream, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';

/** As gRPC's default is: more devices than this can list have no place in a node. */
export const messageBytesMax = 4 * 2 ** 20;

/** A Unix socket's path has 108 bytes, with the zero at its end. */
export const socketPathBytesMax = 107;

export interface PluginService {
  readonly grpc: typeof import('@grpc/grpc-js');
  readonly definition: ServiceDefinition;
}

/**
 * @param file the protocol file's path
 * @param service its full name there: `v1beta1.DevicePlugin`
 * @param wireName how it is called, where the same messages go by another name too
 */
export async function loadService(file: string, service: string, wireName = service): Promise<PluginService> {
  const { grpc, loader } = await import('../cri/grpc-packages.ts');
  const loaded = await loader.load(file, { keepCase: true, longs: Number, enums: String, defaults: true });
  const definition = loaded[service] as unknown as ServiceDefinition | undefined;
  if (definition === undefined) throw new Error(`${file} has no service ${service}`);
  const renamed = Object.entries(definition).map(([method, facts]) => [
    method,
    { ...facts, path: `/${wireName}/${method}` },
  ]);
  return { grpc, definition: Object.fromEntries(renamed) as ServiceDefinition };
}

type Unary = (
  request: unknown,
  options: { readonly deadline?: number },
  done: (error: ServiceError | null, response: unknown) => void,
) => void;

interface GenericClient {
  close(): void;
  readonly [method: string]: Unary | ((request: unknown) => ClientReadableStream<unknown>);
}

export interface PluginStream {
  /** Resolves with why it ended. */
  readonly ended: Promise<Error>;
  cancel(): void;
}

export class PluginClient {
  readonly #client: GenericClient;
  readonly #clock: Clock;

  /** @param socket its absolute path. Connects at the first call, and again by itself */
  constructor({ grpc, definition }: PluginService, socket: string, clock: Clock) {
    this.#clock = clock;
    const Client = grpc.makeGenericClientConstructor(definition, 'plugin');
    const options = {
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.min_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.enable_http_proxy': 0,
      // One plugin may come after another at the same path.
      'grpc.use_local_subchannel_pool': 1,
    };
    const credentials = grpc.credentials.createInsecure();
    this.#client = new Client(`unix://${socket}`, credentials, options) as unknown as GenericClient;
  }

  /** @throws Error whose message is `rpc error: code = … desc = …` */
  call<T>(method: string, request: object, timeoutMs: number): Promise<T> {
    const deadline = this.#clock.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      (this.#client[method] as Unary).call(this.#client, request, { deadline }, (error, response) => {
        if (error === null) resolve(response as T);
        else reject(rpcError(error));
      });
    });
  }

  stream<T>(method: string, request: object, onMessage: (message: T) => void): PluginStream {
    const start = this.#client[method] as (request: unknown) => ClientReadableStream<T>;
    const stream = start.call(this.#client, request);
    const ended = new Promise<Error>((resolve) => {
      stream.on('data', onMessage);
      stream.on('error', (error) => resolve(rpcError(error as ServiceError)));
      stream.on('end', () => resolve(new Error('EOF')));
    });
    return { ended, cancel: () => stream.cancel() };
  }

  close(): void {
    this.#client.close();
  }
}

const codeNames: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

export function rpcError(error: ServiceError): Error {
  return new Error(`rpc error: code = ${codeNames[error.code] ?? error.code} desc = ${error.details}`, {
    cause: error,
  });
}
