import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { plainContainer } from '../runtime-contract.ts';
import { make } from '../testing.ts';
import { cdiHook } from './cdi-specs.ts';

const target = {
  pod: make.pod(),
  container: make.container('app'),
  identity: { namespace: 'default', name: 'web', uid: 'u' },
  attempt: 0,
  sandboxId: 's',
  podIps: [],
};

describe('devices of the Container Device Interface', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-cdi-'));
  const [etc, run] = [path.join(folder, 'etc'), path.join(folder, 'run')];
  test.after(() => rmSync(folder, { recursive: true }));
  for (const each of [etc, run]) mkdirSync(each);
  writeFileSync(
    path.join(etc, 'a.yaml'),
    `cdiVersion: 0.6.0
kind: example.com/gpu
containerEdits: { env: ["ALL=1=2"] }
devices:
- name: one
  containerEdits:
    deviceNodes: [{ path: /dev/gpu, hostPath: /dev/gpu1 }]
    mounts: [{ hostPath: /usr/lib/gpu, containerPath: /lib/gpu, options: [ro, bind] }]
    additionalGids: [44]
- name: hooked
  containerEdits: { hooks: [{ hookName: createContainer, path: /bin/true }] }
`,
  );
  writeFileSync(path.join(etc, 'broken.json'), '{');

  const configure = (version: string, ...cdiDevices: string[]) =>
    cdiHook(async () => ({ name: 'containerd', version, problem: '' }), [etc, run]).container?.(
      { ...plainContainer('app', { name: 'app:1', id: 'i' }, []), cdiDevices },
      target,
    );

  test('a runtime that knows them gets their names; for an older one the vendor’s edits are made', async () => {
    assert.deepEqual((await configure('v2.1.9', 'example.com/gpu=one'))?.cdiDevices, ['example.com/gpu=one']);
    const config = await configure('1.6.20~ds1', 'example.com/gpu=one');
    assert.equal(config?.cdiDevices, undefined);
    assert.deepEqual(config?.env[0], { name: 'ALL', value: '1=2' });
    assert.deepEqual(config.devices, [{ hostPath: '/dev/gpu1', containerPath: '/dev/gpu', permissions: 'rwm' }]);
    assert.deepEqual(config.mounts.at(-1), { hostPath: '/usr/lib/gpu', containerPath: '/lib/gpu', readOnly: true });
    assert.ok(config.security.supplementalGroups.includes(44));
  });

  test('what is not there, or needs a newer runtime, is refused and not left out', async () => {
    const refused = (name: string) => assert.rejects(async () => configure('1.7.24', name));
    await assert.rejects(async () => configure('1.6.20', 'example.com/gpu=two'), {
      name: 'ConfigError',
      message: 'unresolvable CDI devices example.com/gpu=two',
    });
    await refused('other.com/gpu=one');
    await assert.rejects(async () => configure('1.7.24', 'example.com/gpu=hooked'), /need containerd 2\.0 or newer/);
  });

  test('what was made at run time goes before what the machine came with', async () => {
    const spec = {
      kind: 'example.com/gpu',
      devices: [{ name: 'one', containerEdits: { env: ['FROM=run'] } }],
    };
    writeFileSync(path.join(run, 'b.json'), JSON.stringify(spec));
    assert.deepEqual((await configure('1.6.20', 'example.com/gpu=one'))?.env[0], { name: 'FROM', value: 'run' });
  });
});
