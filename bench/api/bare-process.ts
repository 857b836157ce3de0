/**
 * The baseline: a node:http2 server over TLS that answers each path with the bytes it was given for it, and does nothing else.
 * Started by `processes.ts`, which sends certificate and bodies.
 */
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import process from 'node:process';

export interface BareSetup {
  readonly certificate: string;
  readonly key: string;
  /** Path → base64 of the body. */
  readonly bodies: Readonly<Record<string, string>>;
}

process.once('message', ({ certificate, key, bodies }: BareSetup) => {
  const answers = new Map(Object.entries(bodies).map(([path, text]) => [path, Buffer.from(text, 'base64')]));
  const server = createSecureServer({ cert: certificate, key, maxSessionMemory: 512 });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const body = answers.get(headers[':path'] ?? '') ?? Buffer.alloc(0);
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': body.length });
    stream.end(body);
  });
  server.listen(0, '127.0.0.1', () =>
    process.send?.({ address: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
});
process.on('disconnect', () => process.exit());
