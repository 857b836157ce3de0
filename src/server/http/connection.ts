/** What is known about the peer of one TLS connection: found out at the first request, the same for all that follow. */
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../authentication/authentication.ts';

export interface Connection {
  readonly remoteAddress: string;
  /** Undefined where the client showed none. */
  readonly certificate: ClientCertificate | undefined;
}

/** Tells by its DER whether a certificate that TLS found good is the front proxy's authority's, and not that of clients. */
export type IsOfFrontProxy = (certificate: Buffer) => boolean;

/** `socket` may be the restricted view that an HTTP/2 session gives of its socket. */
export function describeConnection(
  socket: Pick<TLSSocket, 'getPeerCertificate' | 'authorized' | 'remoteAddress'>,
  isOfFrontProxy: IsOfFrontProxy = () => false,
): Connection {
  return { remoteAddress: socket.remoteAddress ?? '', certificate: certificateOf(socket, isOfFrontProxy) };
}

function certificateOf(
  socket: Pick<TLSSocket, 'getPeerCertificate' | 'authorized'>,
  isOfFrontProxy: IsOfFrontProxy,
): ClientCertificate | undefined {
  const peer: Partial<PeerCertificate> | null = socket.getPeerCertificate();
  // `authorized` alone does not mean that there is a certificate: a resumed session without one has it too.
  if (peer?.subject === undefined) return undefined;
  const subject = peer.subject as unknown as Readonly<Record<string, string | readonly string[] | undefined>>;
  const isFrontProxy = socket.authorized && peer.raw !== undefined && isOfFrontProxy(peer.raw);
  return {
    trusted: socket.authorized && !isFrontProxy,
    ...(isFrontProxy && { isFrontProxy }),
    commonName: [subject['CN'] ?? ''].flat().at(-1) ?? '',
    organizations: [subject['O'] ?? []].flat(),
    notBeforeMs: Date.parse(peer.valid_from ?? ''),
    notAfterMs: Date.parse(peer.valid_to ?? ''),
  };
}
