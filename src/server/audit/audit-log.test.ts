import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { RealClock, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import { AuditLog, type AuditLogOptions } from './audit-log.ts';

const day = 24 * 60 * 60 * 1000;

describe('the audit log', () => {
  let folder: string;
  let file: string;
  let dropped = 0;
  const clock = new VirtualClock();
  const real = new RealClock({ keepsAlive: true });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'naru-audit-'));
    file = path.join(folder, 'audit.log');
    dropped = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const opened = async (options: Partial<AuditLogOptions> = {}): Promise<AuditLog> => {
    const log = new AuditLog({
      file,
      bytesMax: 1_000_000,
      backupsMax: 0,
      ageMsMax: 0,
      clock,
      log: silentLogger,
      dropped: (events) => {
        dropped += events;
      },
      ...options,
    });
    await log.open();
    return log;
  };

  /** The disk takes its time, whatever the clock says: until a file begins with it. */
  const onDisk = async (first: string): Promise<void> => {
    const isThere = (): boolean =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .some(({ name }) => readFileSync(path.join(folder, name), 'utf8').startsWith(first));
    for (let look = 0; look < 500 && !isThere(); look++) await real.sleep(10);
    assert.ok(isThere(), `${first} is not on the disk`);
  };

  test('keeps what was there, in a file that only its owner may read', async () => {
    writeFileSync(file, 'before\n', { mode: 0o644 });
    chmodSync(file, 0o644);
    const log = await opened();
    for (const line of ['a\n', 'b\n']) log.write(line);
    await log.close();
    assert.equal(readFileSync(file, 'utf8'), 'before\na\nb\n');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('starts a new file before one grows too large, and forgets the oldest', async () => {
    const log = await opened({ bytesMax: 100, backupsMax: 2 });
    for (let index = 0; index < 5; index++) {
      log.write(`${String(index).repeat(79)}\n`);
      await onDisk(String(index));
      await clock.advance(1000);
    }
    await log.close();
    const backups = readdirSync(folder)
      .filter((name) => name !== 'audit.log')
      .sort();
    assert.deepEqual(
      backups.map((name) => readFileSync(path.join(folder, name), 'utf8')[0]),
      ['2', '3'],
    );
    assert.match(backups[0] ?? '', /^audit-2026-01-01T00-00-\d\d\.\d{3}\.log$/);
    assert.equal(readFileSync(file, 'utf8')[0], '4');
  });

  test('forgets what is too old, and touches no other file', async () => {
    writeFileSync(path.join(folder, 'audit-2020-01-01T00-00-00.000.log'), 'old');
    writeFileSync(path.join(folder, 'audit-notes.log'), 'mine');
    const log = await opened({ bytesMax: 10, ageMsMax: day });
    log.write('0123456789\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    log.write('0123456789\n');
    await log.close();
    const names = readdirSync(folder);
    assert.ok(!names.includes('audit-2020-01-01T00-00-00.000.log'));
    assert.ok(names.includes('audit-notes.log'));
    assert.equal(names.length, 3);
  });

  test('keeps each of the files that are rotated in one millisecond', async () => {
    const log = await opened({ bytesMax: 10 });
    for (let index = 0; index < 4; index++) {
      log.write(`${String(index).repeat(10)}\n`);
      await onDisk(String(index));
    }
    await log.close();
    const firsts = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8')[0]);
    assert.deepEqual(firsts.sort(), ['0', '1', '2', '3']);
  });

  test('loses nothing where an old file cannot be removed', async () => {
    const stuck = path.join(folder, 'audit-2020-01-01T00-00-00.000.log');
    mkdirSync(stuck);
    const log = await opened({ bytesMax: 10, ageMsMax: day });
    for (let index = 0; index < 3; index++) {
      log.write(`${String(index).repeat(10)}\n`);
      await onDisk(String(index));
    }
    await log.close();
    assert.equal(dropped, 0);
    assert.equal(readFileSync(file, 'utf8')[0], '2');
    assert.equal(readdirSync(folder).length, 4);
  });

  test('loses events where the disk takes none, counts them, and goes on', async () => {
    const log = await opened({ file: '/dev/full' });
    for (let index = 0; index < 10; index++) log.write('event\n');
    await log.close();
    assert.equal(dropped, 10);
  });

  test('holds no more than so many events', async () => {
    const log = await opened();
    for (let index = 0; index < limits.auditQueueEventsMax + 5; index++) log.write('event\n');
    assert.equal(dropped, 5);
    await log.close();
  });
});
