import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeKubeconfig } from '../../client/kubeconfig.ts';
import { RealClock, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { JsonLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { CertificateAuthority } from '../certificates/certificate-authority.ts';
import type { Authentication } from './authentication.ts';
import { WebhookTokens } from './webhook-tokens.ts';

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly review: unknown;
}

type Reply = { readonly code?: number; readonly body?: string; readonly silent?: boolean; readonly reset?: boolean };

async function world(context: TestContext) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-webhook-'));
  const authority = await CertificateAuthority.open({ folder, clock: new RealClock() });
  const { certificate: cert, key } = await authority.servingCertificate(['127.0.0.1']);
  const asked: Asked[] = [];
  const replies: Reply[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    asked.push({
      path: request.url ?? '',
      authorization: request.headers.authorization,
      review: JSON.parse(await textOf(request)),
    });
    const { code = 200, body = '', silent, reset } = replies.shift() ?? {};
    if (reset) request.socket.destroy();
    if (silent || reset) return;
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(body);
  };
  const server = createServer({ cert, key }, (request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}/authenticate`;
  const file = path.join(folder, 'webhook.kubeconfig');
  writeFileSync(
    file,
    makeKubeconfig({ server: address, ca: authority.certificate, token: 'ours', user: 'naru', cluster: 'webhook' }),
  );
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = new JsonLogger({ clock, write: (line) => void lines.push(line) });
  const webhook = new WebhookTokens({ file, audiences: ['api'], clock, prng: new SeededPrng(1), log });
  await webhook.start();
  context.after(async () => {
    await webhook.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const shows = async (token: string, audiences: readonly string[] = ['api']): Promise<Authentication> =>
    webhook.authenticateToken(token, audiences);
  /** Moves virtual time on until it is answered. */
  const shownLong = async (token: string, stepMs: number): Promise<Authentication> => {
    const outcomes: Authentication[] = [];
    void shows(token).then((found) => outcomes.push(found));
    const real = new RealClock({ keepsAlive: true });
    for (let round = 0; round < 400 && outcomes.length === 0; round++) {
      await clock.advance(stepMs);
      await real.sleep(2);
    }
    return outcomes[0] ?? assert.fail('no answer');
  };
  return {
    clock,
    asked,
    replies,
    lines,
    shows,
    shownLong,
    says: (status: object) => void replies.push({ body: review(status) }),
  };
}

const review = (status: object, more: object = {}): string =>
  JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status, ...more });

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

test('a token is sent to the address of the kubeconfig, and the answer is the user', async (context) => {
  const { asked, says, shows } = await world(context);
  const extra = { 'example.com/a': ['b'] };
  says({ authenticated: true, user: { username: 'ann', uid: '7', groups: ['dev'], extra } });
  assert.deepEqual(await shows('abc'), {
    kind: 'user',
    user: { name: 'ann', uid: '7', groups: ['dev'], extra },
    audiences: ['api'],
  });
  assert.deepEqual(asked, [
    {
      path: '/authenticate',
      authorization: 'Bearer ours',
      review: {
        kind: 'TokenReview',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: {},
        spec: { token: 'abc', audiences: ['api'] },
      },
    },
  ]);
});

test('answers are remembered for two minutes, good and bad; errors are not', async (context) => {
  const { asked, clock, says, shows } = await world(context);
  says({ authenticated: true, user: { username: 'ann' } });
  says({ authenticated: false });
  for (let round = 0; round < 3; round++) {
    assert.equal((await shows('good')).kind, 'user');
    assert.equal((await shows('bad')).kind, 'absent');
  }
  assert.equal(asked.length, 2);
  await clock.advance(2 * 60 * 1000);
  says({ authenticated: false, error: 'it was revoked' });
  assert.deepEqual(await shows('good'), { kind: 'refused', why: 'it was revoked' });
  says({ authenticated: true, user: { username: 'ann' } });
  assert.equal((await shows('good')).kind, 'user');
  assert.equal(asked.length, 4);
});

test('whom a token is for is what the answer says, or this API', async (context) => {
  const { says, shows } = await world(context);
  const user = { username: 'ann' };
  says({ authenticated: true, user, audiences: ['x', 'y'] });
  assert.deepEqual(await shows('a', ['y', 'z']), {
    kind: 'user',
    user: { name: 'ann', groups: [] },
    audiences: ['y'],
  });
  says({ authenticated: true, user, audiences: ['x'] });
  assert.equal((await shows('b', ['api'])).kind, 'absent');
  says({ authenticated: true, user });
  assert.equal((await shows('c', ['z'])).kind, 'absent');
});

test('what may pass is tried again, five times, and what may not is not', async (context) => {
  const { asked, replies, says, shownLong, shows, lines } = await world(context);
  replies.push({ code: 500 }, { code: 429 }, { reset: true });
  says({ authenticated: true, user: { username: 'ann' } });
  assert.equal((await shownLong('secret-token', 100)).kind, 'user');
  assert.equal(asked.length, 4);
  replies.push(...Array.from({ length: 9 }, () => ({ code: 504 })));
  const failed = await shownLong('secret-token-2', 100);
  assert.deepEqual(failed, { kind: 'refused', why: 'the webhook for tokens answered 504' });
  assert.equal(asked.length, 9);
  replies.length = 0;
  replies.push({ code: 403 });
  assert.deepEqual(await shows('secret-token-3'), { kind: 'refused', why: 'the webhook for tokens answered 403' });
  assert.equal(asked.length, 10);
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines.join(), /secret-token|ours/);
});

test('an answer that is late, too long or no TokenReview is none', async (context) => {
  const { replies, shows, shownLong } = await world(context);
  const whyOf = (outcome: Authentication): string => (outcome.kind === 'refused' ? outcome.why : outcome.kind);
  replies.push({ body: 'x'.repeat(limits.outsideAnswerBytesMax + 1) });
  assert.match(whyOf(await shows('a')), /the answer has more than/);
  replies.push({ body: '<html>' });
  assert.equal(whyOf(await shows('b')), 'the webhook for tokens answered no JSON');
  replies.push({ body: review({ authenticated: true }, { apiVersion: 'authentication.k8s.io/v1beta1' }) });
  assert.match(whyOf(await shows('c')), /answered no TokenReview of authentication\.k8s\.io\/v1$/);
  replies.push({ body: review({ authenticated: 'yes', user: { username: 'ann' } }) });
  assert.match(whyOf(await shows('d')), /not well-formed/);
  replies.push({ body: review({ authenticated: true, user: { username: 'ann', groups: 'system:masters' } }) });
  assert.match(whyOf(await shows('e')), /not well-formed/);
  replies.push({ silent: true });
  assert.match(whyOf(await shownLong('f', 5_000)), /no answer within|no longer needed/);
});
