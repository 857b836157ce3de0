import assert from 'node:assert/strict';
import { createSecureServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { RealClock } from '../../lib/clock.ts';
import { type ServingCertificate, servingCertificate } from '../../server/outside/testing.ts';
import { clusterInfoPath } from './cluster-info.ts';
import { findServer } from './join-server.ts';
import { authorityFingerprint, parseJoinToken } from './join-token.ts';

/** Somebody who answers as a cluster would, shows `bundle` as its authorities, and notes who showed what. */
async function startServer(
  context: TestContext,
  { certificate, key }: ServingCertificate,
  bundle: string,
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const kubeconfig = `clusters:\n- cluster:\n    certificate-authority-data: ${Buffer.from(bundle).toString('base64')}\n`;
  const server = createSecureServer({ cert: certificate, key }, ({ url, headers }, response) => {
    asked.push(`${url} ${headers.authorization ?? ''}`.trim());
    const body = url === clusterInfoPath ? { data: { kubeconfig } } : { major: '1', minor: '36' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const sessions = new Set<Http2Session>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const tokenFor = ({ authority }: ServingCertificate) =>
  parseJoinToken(`abcdef.0123456789abcdef.${authorityFingerprint(authority)}`);
const clock = new RealClock({ keepsAlive: true });

test('a server whose certificate is of the token’s authority is found; of a bundle, that authority alone is kept', async (context) => {
  const [right, other] = [await servingCertificate(['127.0.0.1']), await servingCertificate(['127.0.0.1'])];
  const { url } = await startServer(context, right, other.authority + right.authority);
  const { ca } = await findServer(url, tokenFor(right), clock);
  assert.equal(ca.trim(), right.authority.trim());
});

test('who shows the right authority beside their own is not believed, and gets nothing', async (context) => {
  const [right, theirs] = [await servingCertificate(['127.0.0.1']), await servingCertificate(['127.0.0.1'])];
  const { url, asked } = await startServer(context, theirs, right.authority + theirs.authority);
  await assert.rejects(findServer(url, tokenFor(right), clock), { name: 'UserError' });
  assert.deepEqual(asked, [clusterInfoPath]);
});

test('another cluster is told from the token’s before it hears of the token', async (context) => {
  const [right, theirs] = [await servingCertificate(['127.0.0.1']), await servingCertificate(['127.0.0.1'])];
  const { url, asked } = await startServer(context, theirs, theirs.authority);
  await assert.rejects(findServer(url, tokenFor(right), clock), /another cluster than the one that the token is for/);
  assert.deepEqual(asked, [clusterInfoPath]);
});
