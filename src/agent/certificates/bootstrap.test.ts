import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeKubeconfig } from '../../client/kubeconfig.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { FakeRegistry, startTestServer } from '../../server/testing.ts';
import { bootstrapIdentity } from './bootstrap.ts';

async function join(
  context: TestContext,
  ca?: string,
): Promise<{ readonly folder: string; readonly joining: Promise<void> }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-bootstrap-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const running = await startTestServer({ handler: new FakeRegistry() });
  context.after(() => running.stop());
  const bootstrapKubeconfig = path.join(folder, 'boot.kubeconfig');
  const token = 'abcdef.0123456789abcdef';
  const { server, authority } = running;
  const config = { server: server.address, ca: ca ?? authority.certificate, token, user: 'boot', cluster: 'c' };
  writeFileSync(bootstrapKubeconfig, makeKubeconfig(config));
  const { signal } = new AbortController();
  const kubeconfig = path.join(folder, 'kubeconfig');
  const common = { clock: new RealClock(), log: silentLogger, signal };
  return { folder, joining: bootstrapIdentity({ ...common, kubeconfig, bootstrapKubeconfig, node: 'new' }) };
}

test('a bootstrap token that is unknown or has expired is said so, with the way out, and nothing is written', async (context) => {
  const { folder, joining } = await join(context);
  await assert.rejects(joining, (error: Error) => {
    assert.match(
      error.message,
      /^the server https:\/\/\S+ does not take the bootstrap token in \S+boot\.kubeconfig: it is unknown there, or has expired; make a new token/,
    );
    assert.doesNotMatch(error.message, /0123456789abcdef/, 'the token itself is a secret');
    return true;
  });
  assert.equal(existsSync(path.join(folder, 'kubeconfig')), false);
});
