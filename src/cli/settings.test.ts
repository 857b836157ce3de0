import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { homeOf } from '../home.ts';
import { readSettings, updateSettings } from './settings.ts';

test('a policy that cannot be used is refused before it is kept', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-settings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const home = homeOf(path.join(folder, 'home'));
  const file = path.join(folder, 'policy.yaml');
  const options = { auditPolicyFile: file, auditLogPath: '-', port: 7000 };
  writeFileSync(file, 'kind: Policy');
  await assert.rejects(updateSettings(home, options), { message: /^the audit policy .* is not valid: / });
  await assert.rejects(updateSettings(home, { ...options, auditPolicyFile: `${file}.not` }), {
    message: /^the audit policy .* cannot be read/,
  });
  assert.deepEqual([readSettings(home).audit, readSettings(home).port], [undefined, 6443]);
  writeFileSync(file, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]');
  await updateSettings(home, options);
  assert.deepEqual(readSettings(home).audit, { policyFile: file, logPath: '-' });
});

test('what TLS the API speaks is kept until it is set otherwise; what cannot be is refused in upstream’s words', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-settings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = homeOf(folder);
  const suites = 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384';
  await updateSettings(home, { tlsMinVersion: 'VersionTLS12', tlsCipherSuites: suites });
  const kept = { minVersion: 'VersionTLS12', cipherSuites: suites.split(', ') };
  assert.deepEqual((await updateSettings(home, {})).tls, kept);
  await assert.rejects(updateSettings(home, { tlsMinVersion: 'VersionTLS14' }), {
    message: 'the TLS options cannot be used: unknown tls version "VersionTLS14"',
  });
  assert.deepEqual(readSettings(home).tls, kept);
  assert.equal((await updateSettings(home, { tlsMinVersion: '', tlsCipherSuites: '' })).tls, undefined);
});

test('a configuration of the scheduler is kept by its path, and refused where the scheduler could not run by it', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-settings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = homeOf(folder);
  const file = path.join(folder, 'scheduler.yaml');
  writeFileSync(file, 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nparallelism: 0\n');
  await assert.rejects(updateSettings(home, { schedulerConfig: file }), {
    message:
      /^the scheduler's configuration .* cannot be used: parallelism: Invalid value: 0: should be an integer value/,
  });
  writeFileSync(file, 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n');
  assert.equal((await updateSettings(home, { schedulerConfig: file })).schedulerConfig, file);
  assert.equal((await updateSettings(home, {})).schedulerConfig, file);
  assert.equal((await updateSettings(home, { schedulerConfig: '' })).schedulerConfig, undefined);
});
