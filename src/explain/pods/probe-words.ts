/** A probe as a sentence. Pure. */
import type { Probe } from '../../api/schema/types/core-v1.ts';

/** `GET :8080/ready, every 10 s` */
export function probeText({ httpGet, tcpSocket, exec, grpc, periodSeconds = 10 }: Probe): string {
  return `${askedText({ httpGet, tcpSocket, exec, grpc })}, every ${periodSeconds} s`;
}

function askedText({
  httpGet,
  tcpSocket,
  exec,
  grpc,
}: { readonly [K in 'httpGet' | 'tcpSocket' | 'exec' | 'grpc']: Probe[K] | undefined }): string {
  if (httpGet !== undefined) {
    const { scheme = 'HTTP', port, path = '/' } = httpGet;
    return `${scheme === 'HTTPS' ? 'HTTPS ' : ''}GET :${port}${path}`;
  }
  if (tcpSocket !== undefined) return `a connection to port ${tcpSocket.port}`;
  if (grpc !== undefined) return `a gRPC health check at port ${grpc.port}`;
  return `the command ${(exec?.command ?? []).join(' ').slice(0, 120)}`;
}
