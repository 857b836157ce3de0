import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { servingNames } from './serving-names.ts';

const dayMs = 24 * 60 * 60 * 1000;
const names = servingNames({ hostname: 'Box', addresses: ['192.0.2.7', 'fd00:0:0::1'], serviceAddress: '10.43.0.1' });

describe('the certificate authority', () => {
  let folder: string;
  let clock: VirtualClock;
  const open = () => CertificateAuthority.open({ folder: join(folder, 'pki'), clock });
  const file = (name: string) => join(folder, 'pki', name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'naru-ca-'));
    clock = new VirtualClock();
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is made once, kept for its owner only, and loaded from then on', async () => {
    const first = await open();
    assert.equal((await stat(file(''))).mode & 0o777, 0o700);
    assert.equal((await stat(file('ca.key'))).mode & 0o777, 0o600);
    const second = await open();
    assert.equal(second.certificate, first.certificate);
    assert.ok(new X509Certificate(first.certificate).ca);
  });

  test('issues client certificates that name the user and the groups', async () => {
    const authority = await open();
    const issued = await authority.issueClient({ user: 'system:node:n1', groups: ['system:nodes', 'b, "c"=d'] });
    const certificate = new X509Certificate(issued.certificate);
    assert.ok(certificate.verify(new X509Certificate(authority.certificate).publicKey));
    const subject = certificate.toLegacyObject().subject as unknown as { CN: string; O: string[] };
    assert.deepEqual([subject.CN, subject.O], ['system:node:n1', ['system:nodes', 'b, "c"=d']]);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(issued.notAfterMs, clock.now() + 90 * dayMs);
    assert.equal(certificate.validToDate.getTime(), issued.notAfterMs);
  });

  test('issues a serving certificate for every name and address', async () => {
    const { certificate } = await (await open()).servingCertificate(names);
    const x509 = new X509Certificate(certificate);
    for (const host of ['localhost', 'kubernetes.default.svc.cluster.local', 'box'])
      assert.equal(x509.checkHost(host), host);
    for (const ip of ['127.0.0.1', '::1', '10.43.0.1', '192.0.2.7', 'fd00::1']) assert.equal(x509.checkIP(ip), ip);
    assert.equal(x509.checkHost('example.com'), undefined);
  });

  test('keeps the serving certificate while it fits, and replaces it when it is old or names change', async () => {
    const { certificate } = await (await open()).servingCertificate(names);
    const authority = await open();
    assert.equal((await authority.servingCertificate(names)).certificate, certificate);
    await clock.advance(59 * dayMs);
    assert.equal((await authority.servingCertificate(names)).certificate, certificate);
    await clock.advance(2 * dayMs);
    const renewed = (await authority.servingCertificate(names)).certificate;
    assert.notEqual(renewed, certificate);
    assert.notEqual((await authority.servingCertificate([...names, 'new.example'])).certificate, renewed);
  });

  test('names an unusable file and the way out, and never replaces it', async () => {
    await open();
    const wayOut =
      'restore both files from a backup, or move both away to start with a new authority that every client must then be told of';
    const good = await readFile(file('ca.key'));
    await writeFile(file('ca.key'), 'garbage');
    await assert.rejects(open(), { message: `${file('ca.key')} does not hold a private key; ${wayOut}` });
    assert.equal(await readFile(file('ca.key'), 'utf8'), 'garbage');
    await writeFile(file('ca.crt.other'), await readFile(file('ca.crt')));
    await writeFile(file('ca.key'), good);
    await writeFile(file('ca.crt'), '');
    await assert.rejects(open(), { message: `${file('ca.crt')} does not hold a certificate; ${wayOut}` });
    await rm(file('ca.crt'));
    await assert.rejects(open(), { message: `${file('ca.crt')} is missing beside ${file('ca.key')}; ${wayOut}` });
    const other = await CertificateAuthority.open({ folder: join(folder, 'other'), clock });
    await writeFile(file('ca.crt'), other.certificate);
    await assert.rejects(open(), {
      message: `${file('ca.key')} is not the key of the certificate in ${file('ca.crt')}; ${wayOut}`,
    });
  });

  test('says so when the authority has expired', async () => {
    await open();
    await clock.advance(3651 * dayMs);
    await assert.rejects(open(), /ca\.crt has expired; restore/);
  });
});
