import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startPolicy, withoutStarting } from './system-packages.ts';

describe('services of packages that naru installs', () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-policy-'));
    file = path.join(folder, 'policy-rc.d');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const asked = (...args: string[]): number | null => spawnSync(file, args).status;

  test('do not start while they are installed, and others do', async () => {
    await withoutStarting(
      ['containerd', 'haproxy'],
      async () => {
        assert.equal(statSync(file).mode & 0o777, 0o755);
        // As invoke-rc.d and deb-systemd-invoke ask.
        assert.equal(asked('--quiet', 'haproxy', 'start', '2'), 101);
        assert.equal(asked('containerd.service', 'start'), 101);
        assert.equal(asked('haproxy', '(start)'), 101);
        assert.equal(asked('ssh', 'restart'), 0);
        assert.equal(asked('haproxy-exporter', 'start'), 0);
      },
      file,
    );
    assert.ok(!existsSync(file));
  });

  test('the machine’s own policy holds, and stays', async () => {
    writeFileSync(file, '#!/bin/sh\nexit 104\n', { mode: 0o755 });
    await withoutStarting(['haproxy'], async () => assert.equal(asked('haproxy', 'start'), 104), file);
    assert.ok(existsSync(file));
    rmSync(file);
  });

  test('what a killed installation left is no policy of the machine', async () => {
    writeFileSync(file, startPolicy(['containerd']), { mode: 0o755 });
    await withoutStarting(['haproxy'], async () => assert.equal(asked('haproxy', 'start'), 101), file);
    assert.ok(!existsSync(file));
  });

  test('an installation that fails leaves no policy, either', async () => {
    const failing = withoutStarting(['haproxy'], () => Promise.reject(new Error('no network')), file);
    await assert.rejects(failing, /no network/);
    assert.ok(!existsSync(file));
  });
});
