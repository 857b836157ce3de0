/**
 * Asking a container how it is: over HTTP, TCP or gRPC from the node to the pod's address. (Commands run through the runtime.) Simulated
 * nodes answer from memory.
 */
import net from 'node:net';
import { type GrpcProbe, grpcHealth } from './grpc-health.ts';
import { describe, type HttpProbe, httpProbe } from './http-probe.ts';

export type { HttpProbe } from './http-probe.ts';

export interface ProbeResult {
  readonly ok: boolean;
  /** For the Unhealthy or ProbeWarning event; empty when all is well. */
  readonly message: string;
  /** Well, but not as it should be. */
  readonly isWarning?: boolean;
  /** It could not be asked: this is no result. */
  readonly isVoid?: boolean;
  /** There was an HTTP answer, whatever it said. */
  readonly answered?: boolean;
}

/** None of these rejects: what goes wrong is a result. */
export interface ProbeTransport {
  http(probe: HttpProbe, timeoutMs: number): Promise<ProbeResult>;
  tcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult>;
  grpc(probe: GrpcProbe, timeoutMs: number): Promise<ProbeResult>;
}

export const networkProbes: ProbeTransport = {
  grpc: grpcHealth,
  http: httpProbe,

  tcp(host, port, timeoutMs) {
    return new Promise((resolve) => {
      const socket = net.connect({ host, port, timeout: timeoutMs });
      const end = (ok: boolean, message: string): void => {
        socket.destroy();
        resolve({ ok, message });
      };
      const address = net.isIPv6(host) ? `[${host}]` : host;
      socket.on('connect', () => end(true, ''));
      socket.on('timeout', () => end(false, `dial tcp ${address}:${port}: i/o timeout`));
      socket.on('error', (error: NodeJS.ErrnoException) => end(false, describe(error, host, port)));
    });
  },
};
