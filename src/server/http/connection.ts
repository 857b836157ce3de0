/** What is known about the peer of one TLS connection: found out at the first request, the same for all that follow. */
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../authentication/authentication.ts';

export interface Connection {
  readonly remoteAddress: string;
  /** Undefined where the client showed none. */
  readonly certificate: ClientCertificate | undefined;
}

/** `socket` may be the restricted view that an HTTP/2 session gives of its socket. */
export function describeConnection(
  socket: Pick<TLSSocket, 'getPeerCertificate' | 'authorized' | 'remoteAddress'>,
): Connection {
  return { remoteAddress: socket.remoteAddress ?? '', certificate: certificateOf(socket) };
}

function certificateOf(socket: Pick<TLSSocket, 'getPeerCertificate' | 'authorized'>): ClientCertificate | undefined {
  const peer: Partial<PeerCertificate> | null = socket.getPeerCertificate();
  // `authorized` alone does not mean that there is a certificate: a resumed session without one has it too.
  if (peer?.subject === undefined) return undefined;
  const subject = peer.subject as unknown as Readonly<Record<string, string | readonly string[] | undefined>>;
  return {
    trusted: socket.authorized,
    commonName: [subject['CN'] ?? ''].flat().at(-1) ?? '',
    organizations: [subject['O'] ?? []].flat(),
    notAfterMs: Date.parse(peer.valid_to ?? ''),
  };
}
