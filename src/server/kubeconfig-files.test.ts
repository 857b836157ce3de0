import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readKubeconfig } from '../client/kubeconfig.ts';
import { VirtualClock } from '../lib/clock.ts';
import { JsonLogger } from '../lib/log.ts';
import { CertificateAuthority } from './certificates/certificate-authority.ts';
import { issueAuthority } from './certificates/issue.ts';
import { KubeconfigFiles } from './kubeconfig-files.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

async function lab(t: TestContext, { authorityDays = 3650 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'naru-kubeconfigs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new VirtualClock();
  const ca = await issueAuthority('naru-ca', { nowMs: clock.now(), lifetimeMs: authorityDays * dayMs });
  writeFileSync(join(folder, 'ca.crt'), ca.certificate);
  writeFileSync(join(folder, 'ca.key'), ca.key, { mode: 0o600 });
  const lines: string[] = [];
  const log = new JsonLogger({ clock, write: (line) => lines.push(line) });
  const certificates = await CertificateAuthority.open({ folder, clock });
  const file = join(folder, 'kubeconfig');
  const user = { name: 'naru-admin', groups: ['system:masters', 'system:authenticated'] };
  const address = (): string => 'https://127.0.0.1:6443';
  const service = new KubeconfigFiles({ files: [{ file, user }], address, certificates, clock, log });
  t.after(() => service.close());
  /** An hour's look reads, signs and writes, which takes real time: one a day is let finish. */
  const days = async (count: number): Promise<void> => {
    const endMs = clock.now() + count * dayMs;
    for (let nextMs = clock.now() + dayMs; nextMs <= endMs; nextMs += dayMs) {
      await clock.advance(hourMs);
      await service.settled();
      await clock.advance(nextMs - clock.now() - hourMs / 2);
      await service.settled();
      await clock.advance(nextMs - clock.now());
    }
  };
  return { file, service, clock, lines, days };
}

const certificateIn = async (file: string): Promise<X509Certificate> =>
  new X509Certificate((await readKubeconfig(file)).clientCertificate ?? '');

test('a running naru replaces a kubeconfig long before it ends, as a whole and for its owner alone', async (t) => {
  const { file, service, clock, days } = await lab(t);
  await service.start();
  const first = await certificateIn(file);
  const lifeMs = first.validToDate.getTime() - clock.now();
  assert.equal(lifeMs, 90 * dayMs);
  chmodSync(file, 0o640);
  const inode = statSync(file).ino;
  await days(59);
  assert.equal((await certificateIn(file)).serialNumber, first.serialNumber);
  await days(3);
  const second = await certificateIn(file);
  assert.notEqual(second.serialNumber, first.serialNumber);
  assert.ok(second.validToDate.getTime() - clock.now() > 88 * dayMs);
  assert.notEqual(statSync(file).ino, inode, 'the old file is replaced, not written into');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await days(300);
  assert.ok((await certificateIn(file)).validToDate.getTime() - clock.now() >= 29 * dayMs, 'it goes on');
});

test('a kubeconfig that was removed or broken comes back within the hour', async (t) => {
  const { file, service, days } = await lab(t);
  await service.start();
  rmSync(file);
  await days(1);
  assert.equal((await certificateIn(file)).subject.includes('CN=naru-admin'), true);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 300));
  await days(1);
  assert.equal((await certificateIn(file)).subject.includes('CN=naru-admin'), true);
});

test('the end of the authority is told a year ahead, once a week, and not before', async (t) => {
  const { service, lines, days } = await lab(t, { authorityDays: 370 });
  const told = (): string[] => lines.filter((line) => line.includes('"warn"'));
  await service.start();
  assert.deepEqual(told(), []);
  await days(6);
  assert.equal(told().length, 1);
  assert.match(told()[0] ?? '', /the certificate authority ends on 2027-01-06, in 36[45] days/);
  await days(14);
  assert.equal(told().length, 3);
});
