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
