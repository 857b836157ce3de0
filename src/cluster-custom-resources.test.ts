/** Custom kinds in a whole cluster: the same over HTTPS as in its process, and after the next start as before. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { KubeObject } from './api/object.ts';
import { hasReason } from './api/status-error.ts';
import type { Client, Resource } from './client/client.ts';
import { httpsClient } from './client/https-client.ts';
import { Informer } from './client/informer.ts';
import { readKubeconfig } from './client/kubeconfig.ts';
import { customResourceDefinitions } from './client/resources.ts';
import { startCluster } from './cluster.ts';
import { homeOf } from './home.ts';
import { RealClock } from './lib/clock.ts';
import { silentLogger } from './lib/log.ts';
import { SeededPrng } from './lib/prng.ts';
import { makeDefinition } from './registry/custom/testing.ts';

const widgets: Resource<KubeObject> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  namespaced: true,
};
const clock = new RealClock({ keepsAlive: true });
const inDefault = (name: string) => ({ namespace: 'default', name });

/** Its kind is served as soon as it says that it is established. */
async function define(client: Client): Promise<void> {
  const informer = new Informer({
    client,
    resource: customResourceDefinitions,
    clock,
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  const established = new Promise<void>((resolve) => {
    const look = (): void => {
      const [definition] = informer.cache.list();
      const conditions = definition?.status?.conditions ?? [];
      if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) resolve();
    };
    informer.addHandler({ added: look, updated: look });
  });
  await informer.start();
  await client.create(customResourceDefinitions, makeDefinition());
  await established;
  await informer.close();
}

test('a custom kind is served from the start that follows, as it was before', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-custom-'));
  const options = { home: homeOf(folder), nodes: { kind: 'none', name: 'nobody' } } as const;
  try {
    const before = await startCluster(options);
    const remote = httpsClient({ config: await readKubeconfig(before.kubeconfig), clock });
    await define(remote);
    await remote.create(widgets, { metadata: inDefault('one'), spec: { size: 1 } } as KubeObject);
    const local = await before.client().get(widgets, inDefault('one'));
    assert.deepEqual(await remote.get(widgets, inDefault('one')), local);
    remote.close();
    await before.close();
    const after = await startCluster(options);
    assert.deepEqual(await after.client().get(widgets, inDefault('one')), local);
    await after.client().delete(customResourceDefinitions, { namespace: '', name: 'widgets.example.com' });
    const gone = await until(() =>
      after
        .client()
        .list(widgets)
        .then(
          () => undefined,
          (error: unknown) => error,
        ),
    );
    assert.ok(hasReason(gone, 'NotFound'));
    await after.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(10);
  }
}
