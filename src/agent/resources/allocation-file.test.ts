import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger as log } from '../../lib/log.ts';
import { make } from '../testing.ts';
import { allocationOf, isAllocated, withAllocation } from './allocation.ts';
import { AllocationFile, type AllocationRecord } from './allocation-file.ts';

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-allocations-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const podWith = (cpu: string) =>
  make.pod({ containers: [make.container('app', { resources: { requests: { cpu } } })] });

test('what was written is read by the next agent, and is nobody else’s to read', async (context) => {
  const folder = folderFor(context);
  const file = new AllocationFile(folder, log);
  const records = new Map<string, AllocationRecord>([['u-1', { allocation: allocationOf(podWith('1')), resizing: 4 }]]);
  const first = file.save(records);
  records.set('u-2', { allocation: allocationOf(podWith('2')) });
  await Promise.all([first, file.save(records)]);
  assert.deepEqual(await new AllocationFile(folder, log).load(), records);
  assert.deepEqual(readdirSync(folder), ['allocated_pods_state']);
  assert.equal(statSync(path.join(folder, 'allocated_pods_state')).mode & 0o777, 0o600);
});

test('no file, and one that is not ours, are none; it is told', async (context) => {
  const folder = folderFor(context);
  const errors: string[] = [];
  const noted = Object.assign(Object.create(log) as typeof log, {
    error: (message: string) => void errors.push(message),
  });
  assert.equal((await new AllocationFile(folder, noted).load()).size, 0);
  assert.deepEqual(errors, []);
  for (const text of [
    '{"version":1',
    '{"version":2,"content":{"pods":{}}}',
    '{"version":1,"content":{"pods":{"u-1":{}}}}',
  ]) {
    writeFileSync(path.join(folder, 'allocated_pods_state'), text);
    assert.equal((await new AllocationFile(folder, noted).load()).size, 0);
  }
  assert.equal(errors.length, 3);
});

test('a writing that failed is told, and does not spoil the next', async (context) => {
  const folder = folderFor(context);
  const blocked = path.join(folder, 'state');
  writeFileSync(blocked, '');
  const file = new AllocationFile(blocked, log);
  const records = new Map([['u-1', { allocation: allocationOf(podWith('1')) }]]);
  await assert.rejects(file.save(records), { code: 'EEXIST' });
  rmSync(blocked);
  await file.save(records);
  assert.deepEqual(await file.load(), records);
});

test('a pod is run with what was given to it; amounts that are equal are the same, however they are written', () => {
  const pod = podWith('2');
  const given = allocationOf(podWith('1'));
  const allocated = withAllocation(pod, given);
  assert.deepEqual(allocated.spec?.containers[0]?.resources, { requests: { cpu: '1' } });
  assert.deepEqual(pod.spec?.containers[0]?.resources, { requests: { cpu: '2' } });
  const same = allocationOf(podWith('2000m'));
  assert.ok(isAllocated(pod, same));
  assert.equal(withAllocation(pod, same), pod);
});
