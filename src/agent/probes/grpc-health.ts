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

/** Never rejects. */
export async function grpcHealth({ host, port, service }: GrpcProbe, timeoutMs: number): Promise<ProbeResult> {
  const grpc = await import('@grpc/grpc-js');
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  return new Promise((resolve) => {
    const end = (message: string): void => {
      client.close();
      resolve({ ok: message === '', message });
    };
    const answered = (error: ServiceError | null, status?: ServingStatus): void => {
      if (error === null) end(status === 'SERVING' ? '' : `service unhealthy (responded with "${status}")`);
      else if (error.code === grpc.status.CANCELLED) end(`timeout: health rpc did not complete within ${timeoutMs}ms`);
      else if (error.code === grpc.status.UNIMPLEMENTED) end(`this server does not implement ${healthService}`);
      else end(`error: health rpc probe failed: ${error.details}`);
    };
    const call = client.makeUnaryRequest(`/${healthService}/Check`, encodeRequest, decodeStatus, service, answered);
    AbortSignal.timeout(timeoutMs).addEventListener('abort', () => call.cancel());
  });
}
