/**
 * Asking a container how it is: over HTTP, TCP or gRPC from the node to the pod's address. (Commands run through the runtime.) Simulated
 * nodes answer from memory.
 */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { type GrpcProbe, grpcHealth } from './grpc-health.ts';

export interface ProbeResult {
  readonly ok: boolean;
  /** For the Unhealthy event; empty when all is well. */
  readonly message: string;
}

export interface HttpProbe {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** None of these rejects: what goes wrong is a result. */
export interface ProbeTransport {
  http(probe: HttpProbe, timeoutMs: number): Promise<ProbeResult>;
  tcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult>;
  grpc(probe: GrpcProbe, timeoutMs: number): Promise<ProbeResult>;
}

export const networkProbes: ProbeTransport = {
  grpc: grpcHealth,

  http({ scheme, host, port, path, headers }, timeoutMs) {
    const url = `${scheme}://${net.isIPv6(host) ? `[${host}]` : host}:${port}${path}`;
    return new Promise((resolve) => {
      const fail = (why: string): void => resolve({ ok: false, message: `Get "${url}": ${why}` });
      const options = {
        host,
        port,
        path,
        headers: { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close', ...headers },
        signal: AbortSignal.timeout(timeoutMs),
        agent: false as const,
        // The certificate is the pod's own affair: a probe asks whether it answers.
        rejectUnauthorized: false,
      };
      const request = (scheme === 'https' ? https : http).get(options, (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        if (status >= 200 && status < 400) resolve({ ok: true, message: '' });
        else resolve({ ok: false, message: `HTTP probe failed with statuscode: ${status}` });
      });
      request.on('error', (error: NodeJS.ErrnoException) => fail(describe(error, host, port)));
    });
  },

  tcp(host, port, timeoutMs) {
    return new Promise((resolve) => {
      const socket = net.connect({ host, port, timeout: timeoutMs });
      const end = (ok: boolean, message: string): void => {
        socket.destroy();
        resolve({ ok, message });
      };
      socket.on('connect', () => end(true, ''));
      socket.on('timeout', () => end(false, `dial tcp ${host}:${port}: i/o timeout`));
      socket.on('error', (error: NodeJS.ErrnoException) => end(false, describe(error, host, port)));
    });
  },
};

function describe(error: NodeJS.ErrnoException, host: string, port: number): string {
  const dial = `dial tcp ${host}:${port}: connect:`;
  if (error.code === 'ECONNREFUSED') return `${dial} connection refused`;
  if (error.code === 'EHOSTUNREACH') return `${dial} no route to host`;
  if (error.code !== 'ABORT_ERR') return error.message;
  return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
}
