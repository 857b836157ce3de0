/**
 * What the front door costs: GETs of one 2 KB object over HTTP/2 through everything a request passes (TLS, who, may they,
 * routing, the stored bytes), beside a bare node:http2 server that answers the same bytes to the same client.
 */

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { RealClock } from '../src/lib/clock.ts';
import { startTestServer, type TestServer } from '../src/server/testing.ts';
import type { Benchmark, Figure } from './figure.ts';

const path = '/api/v1/namespaces/default/pods/web';
const concurrency = 64;

const benchmark: Benchmark = {
  name: 'server',
  async run({ small }) {
    const world = await startTestServer();
    try {
      return await measure(world, small ? 3_000 : 30_000);
    } finally {
      await world.stop();
    }
  },
};

export default benchmark;

async function measure(world: TestServer, requests: number): Promise<readonly Figure[]> {
  const metadata = { name: 'web', namespace: 'default', annotations: { text: 'x'.repeat(1_900) } };
  const entry = world.registry.add('pods', { apiVersion: 'v1', kind: 'Pod', metadata });
  const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
  const credentials = { ca: world.authority.certificate, cert: certificate, key };
  const serving = await world.authority.servingCertificate(['127.0.0.1']);
  const bare = await bareServer({ cert: serving.certificate, key: serving.key }, entry.json());
  try {
    const sessions = [
      connect(world.server.address, credentials),
      connect(bare.address, { ca: world.authority.certificate }),
    ];
    const [ours = 0, baseline = 0] = await rates(sessions, requests);
    for (const session of sessions) session.destroy();
    return [
      {
        bench: 'server',
        figure: 'GET of a 2 KB object',
        value: ours,
        unit: 'requests/s',
        baseline,
        ratio: ours / baseline,
      },
    ];
  } finally {
    bare.close();
  }
}

async function bareServer(
  options: SecureServerOptions,
  bytes: Buffer,
): Promise<{ address: string; close: () => void }> {
  const server = createSecureServer(options);
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': bytes.length });
    stream.end(bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

const rounds = 10;

/** Requests a second on each session. In turns, after a warm-up, so that a busy machine slows all of them alike. */
async function rates(sessions: readonly ClientHttp2Session[], requests: number): Promise<readonly number[]> {
  const clock = new RealClock();
  const spentMs = sessions.map(() => 0);
  const perRound = Math.ceil(requests / rounds);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, session] of sessions.entries()) {
      const startMs = clock.monotonic();
      await exchange(session, perRound);
      if (round > 0) spentMs[index] = (spentMs[index] ?? 0) + clock.monotonic() - startMs;
    }
  }
  return spentMs.map((ms) => Math.round((perRound * rounds * 1000) / ms));
}

async function exchange(session: ClientHttp2Session, requests: number): Promise<void> {
  let left = requests;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await get(session);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

function get(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    stream.once('response', (headers) => {
      if (headers[':status'] !== 200) reject(new Error(`the server answered ${headers[':status']}`));
    });
    stream.once('error', reject);
    stream.once('end', resolve);
    stream.resume();
  });
}
