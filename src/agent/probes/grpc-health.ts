/**
 * The gRPC health-checking protocol (grpc.health.v1, https://grpc.io/docs/guides/health-checking): one call, two messages of one field each, so that no
 * protocol file is loaded for it. gRPC itself is loaded at the first probe.
 */
import type { ServiceError } from '@grpc/grpc-js';
import type { ProbeResult } from './probe-transport.ts';

export interface GrpcProbe {
  readonly host: string;
  readonly port: number;
  /** Empty asks for the server as a whole. */
  readonly service: string;
}

export const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
export type ServingStatus = (typeof servingStatuses)[number];

const healthService = 'grpc.health.v1.Health';

const channelOptions = {
  'grpc.enable_retries': 0,
  'grpc.primary_user_agent': 'kube-probe/1.36',
  // Each probe looks for itself, and soon again.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
};

/** HealthCheckRequest { string service = 1 } */
export function encodeRequest(service: string): Buffer {
  const text = Buffer.from(service);
  if (text.length === 0) return text;
  if (text.length > 127) throw new Error('the name of a gRPC service is at most 127 bytes long');
  return Buffer.concat([Buffer.from([0x0a, text.length]), text]);
}

/** HealthCheckResponse { ServingStatus status = 1 } */
export function decodeStatus(bytes: Buffer): ServingStatus {
  return (bytes[0] === 0x08 ? servingStatuses[bytes[1] ?? 0] : undefined) ?? 'UNKNOWN';
}

/** As Go names it in an error: `NOT_FOUND` is `NotFound`. */
function goCode(name: string): string {
  if (name === 'CANCELLED') return 'Canceled';
  return name.replaceAll(/([A-Z])([A-Z]*)_?/g, (_all, first: string, rest: string) => first + rest.toLowerCase());
}

/** Never rejects. A connection that is refused is tried again until the time is over: the server may just be starting. */
export async function grpcHealth({ host, port, service }: GrpcProbe, timeoutMs: number): Promise<ProbeResult> {
  const { grpc } = await import('../cri/grpc-packages.ts');
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), channelOptions);
  const signal = AbortSignal.timeout(timeoutMs);
  const took = `${timeoutMs / 1000}s`;
  return new Promise((resolve) => {
    const end = (message: string): void => {
      client.close();
      resolve({ ok: message === '', message });
    };
    const answered = (error: ServiceError | null, status?: ServingStatus): void => {
      if (error === null) end(status === 'SERVING' ? '' : `service unhealthy (responded with "${status}")`);
      else if (signal.aborted) end(`timeout: health rpc did not complete within ${took}`);
      else if (error.code === grpc.status.UNIMPLEMENTED) {
        end(`error: this server does not implement the grpc health protocol (${healthService}): ${error.details}`);
      } else {
        const code = goCode(grpc.status[error.code]);
        end(`error: health rpc probe failed: rpc error: code = ${code} desc = ${error.details}`);
      }
    };
    const check = (): void => {
      const call = client.makeUnaryRequest(`/${healthService}/Check`, encodeRequest, decodeStatus, service, answered);
      signal.addEventListener('abort', () => call.cancel());
    };
    let isConnected = false;
    signal.addEventListener('abort', () => {
      if (!isConnected)
        end(`timeout: failed to connect service "${address}" within ${took}: context deadline exceeded`);
    });
    client.waitForReady(Infinity, (error) => {
      if (error !== undefined || signal.aborted) return;
      isConnected = true;
      check();
    });
  });
}
