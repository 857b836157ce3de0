import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeKubeconfig } from '../client/kubeconfig.ts';
import { findCluster } from './find-cluster.ts';

const folder = mkdtempSync(join(tmpdir(), 'naru-operator-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const kubeconfig = (name: string): string => {
  const file = join(folder, name);
  writeFileSync(
    file,
    makeKubeconfig({ server: `https://${name}:6443`, ca: 'authority', token: 't', user: 'ann', cluster: name }),
  );
  return file;
};

test('a kubeconfig that is named comes before $KUBECONFIG, and that before the pod’s account', async () => {
  const [named, set] = [kubeconfig('named'), kubeconfig('set')];
  const environment = { KUBECONFIG: `${set}:/nowhere`, KUBERNETES_SERVICE_HOST: '10.43.0.1' };
  for (const file of ['token', 'ca.crt']) writeFileSync(join(folder, file), file);
  writeFileSync(join(folder, 'namespace'), 'here\n');
  const choice = { environment, accountFolder: folder };
  assert.equal((await findCluster({ ...choice, kubeconfig: named })).server, 'https://named:6443');
  assert.equal((await findCluster(choice)).server, 'https://set:6443');
  const pod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '8443' };
  assert.deepEqual(await findCluster({ environment: pod, accountFolder: folder }), {
    server: 'https://[fd00::1]:8443',
    tokenFile: join(folder, 'token'),
    ca: 'ca.crt',
    namespace: 'here',
  });
});
