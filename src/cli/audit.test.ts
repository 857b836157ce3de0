import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditSettings } from './audit.ts';

test('files are found from the folder in which the command was given, and settings are kept', () => {
  const first = auditSettings(undefined, { auditPolicyFile: 'p.yaml', auditLogPath: '/var/log/a.log' }, '/home/me');
  assert.deepEqual(first, { policyFile: '/home/me/p.yaml', logPath: '/var/log/a.log' });
  const second = auditSettings(first, { auditLogMaxsize: 10, auditLogMaxage: 3, auditLogMaxbackup: 2 }, '/');
  assert.deepEqual(second, { ...first, maxSizeMegabytes: 10, maxAgeDays: 3, maxBackups: 2 });
  assert.equal(auditSettings(second, { auditLogPath: '' }, '/'), undefined);
  assert.equal(auditSettings(undefined, {}, '/'), undefined);
});

test('a log without a policy, and a policy without a log, are refused with the way out', () => {
  assert.throws(() => auditSettings(undefined, { auditLogPath: '-' }, '/'), /--audit-policy-file$/);
  assert.throws(() => auditSettings(undefined, { auditPolicyFile: 'p' }, '/'), /--audit-log-path$/);
});
