/** `naru why` over real containers: what only a runtime can say of a crash, a limit, a probe, an image and a missing key. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { create, forever, type PodWishes, podManifest, script } from './workload.ts';

interface Told {
  readonly code: string;
}

describe('naru why over containers', { timeout: 300_000, concurrency: 8 }, () => {
  let cluster: TestCluster;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    cluster = await TestCluster.up();
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
  });
  after(async () => {
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), []);
  });

  /** What is told of the pod, once the finding is the one that is expected. */
  async function told(name: string, wishes: PodWishes, code: string): Promise<string> {
    await create(cluster, podManifest(name, { restartPolicy: 'Always', ...wishes }));
    return eventually(
      `naru why pod/${name} tells ${code}`,
      async () => {
        const { explanations } = JSON.parse(await cluster.mustNaru('why', `pod/${name}`, '-o', 'json')) as {
          readonly explanations: readonly { readonly findings: readonly Told[] }[];
        };
        const codes = explanations.flatMap(({ findings }) => findings.map((one) => one.code));
        if (!codes.includes(code)) throw new Error(`it tells ${codes.join(', ')}`);
        return cluster.mustNaru('why', `pod/${name}`);
      },
      90_000,
    );
  }

  test('a program that crashes: its exit code, and what it wrote last', async () => {
    const text = await told('crash', { containers: [script('echo "no database at db:5432"; exit 3')] }, 'Crash');
    assert.match(text, /ends with exit code 3/);
    assert.match(text, /\| no database at db:5432/);
    assert.match(text, /naru logs pod\/crash -n default -c app --previous/);
  });

  test('a program that uses more memory than its limit', async () => {
    const greedy = {
      resources: { limits: { memory: '32Mi' } },
      command: ['/bin/busybox', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'],
    };
    assert.match(await told('greedy', { containers: [greedy] }, 'OutOfMemory'), /more memory than its limit of 32Mi/);
  });

  test('a program that is killed for its liveness probe', async () => {
    const probe = { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 1 };
    const text = await told('probed', { containers: [script(forever, { livenessProbe: probe })] }, 'KilledByProbe');
    assert.match(text, /its liveness probe fails \(a connection to port 9, every 1 s\)/);
  });

  test('a program that runs and is not ready', async () => {
    const probe = { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 };
    const text = await told(
      'unready',
      { containers: [script(forever, { readinessProbe: probe })] },
      'ReadinessProbeFails',
    );
    assert.match(text, /GET :8080\/ready, every 1 s\) fails: nobody listens on that port/);
  });

  test('an image that is nowhere, a program that the image does not have, a ConfigMap without the key', async () => {
    const nowhere = { image: 'registry.invalid/shop/web:1', imagePullPolicy: 'IfNotPresent' } as const;
    const [image, program, setting] = await Promise.all([
      told('nowhere', { containers: [nowhere] }, 'RegistryUnreachable'),
      told('program', { containers: [{ command: ['/bin/srever'] }] }, 'CommandNotFound'),
      create(cluster, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { uri: 'x' } }).then(
        () =>
          told(
            'setting',
            {
              containers: [
                script(forever, {
                  env: [{ name: 'URL', valueFrom: { configMapKeyRef: { name: 'settings', key: 'url' } } }],
                }),
              ],
            },
            'ConfigMapKeyMissing',
          ),
      ),
    ]);
    assert.match(image, /cannot reach the registry registry\.invalid/);
    assert.match(program, /"\/bin\/srever" is not in the image/);
    assert.match(setting, /no key "url"; did you mean "uri"\?/);
  });
});
