import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseCertificateRequest } from '../../api/certificates/certificate-request.ts';
import { makeCertificateRequest, type RequestOptions } from '../../api/certificates/make-request.ts';
import { trustAnchorProblem } from '../../api/certificates/trust-anchors.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { validityOf } from './sign-request.ts';

const minuteMs = 60_000;
const yearMs = 365 * 24 * 60 * minuteMs;
const farMs = 10 * yearMs;

test('a life begins five minutes ago and lasts as asked, from ten minutes to a year, and never beyond the authority', () => {
  const now = 5 * yearMs;
  const rows: readonly (readonly [seconds: number | undefined, authorityEndMs: number, lastsMs: number])[] = [
    [undefined, farMs, yearMs - 5 * minuteMs],
    [1, farMs, 10 * minuteMs],
    [3600, farMs, 60 * minuteMs],
    [8 * 3600 - 1, farMs, 8 * 60 * minuteMs - 1000],
    [8 * 3600, farMs, 8 * 60 * minuteMs - 5 * minuteMs],
    [2 ** 31 - 1, farMs, yearMs - 5 * minuteMs],
    [3600, now + minuteMs, minuteMs],
  ];
  for (const [seconds, end, lasts] of rows) {
    assert.deepEqual(validityOf(now, seconds, end), { notBeforeMs: now - 5 * minuteMs, notAfterMs: now + lasts });
  }
  assert.throws(() => validityOf(now, 3600, now), /the certificate of the authority has expired/);
});

async function start(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'naru-sign-'));
  context.after(() => rm(folder, { recursive: true }));
  return CertificateAuthority.open({ folder: join(folder, 'pki'), clock: new VirtualClock() });
}

async function requested(options: RequestOptions) {
  const { request } = await makeCertificateRequest(options);
  return parseCertificateRequest(Buffer.from(request));
}

test('of a subject with two names one is taken, and what Kubernetes does not know is left out', async (context) => {
  const authority = await start(context);
  const request = await requested({ commonName: 'x' });
  const subject = new Map([
    ['2.5.4.3', ['system:node:a', 'system:node:b']],
    ['2.5.4.10', ['g "1", O=system:masters', 'h']],
    ['0.9.2342.19200300.100.1.1', ['uid']],
    ['2.5.4.5', ['7']],
  ]);
  const pem = await authority.sign({ request: { ...request, subject, commonName: 'system:node:b' }, usages: ['any'] });
  const read = new X509Certificate(pem).toLegacyObject().subject as unknown as Record<string, unknown>;
  assert.deepEqual({ ...read }, { O: ['g "1", O=system:masters', 'h'], serialNumber: '7', CN: 'system:node:b' });
});

test('every usage is in the certificate, and none makes it an authority', async (context) => {
  const authority = await start(context);
  const request = await requested({ commonName: 'x' });
  const usages = ['cert sign', 'crl sign', 'signing', 's/mime', 'email protection', 'client auth', 'netscape sgc'];
  const pem = await authority.sign({ request, usages });
  const x509 = new X509Certificate(pem);
  assert.deepEqual(x509.keyUsage, ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4', '2.16.840.1.113730.4.1']);
  assert.equal(trustAnchorProblem(x509.raw), 'does not have the CA bit set');
  assert.equal(trustAnchorProblem(new X509Certificate(authority.certificate).raw), undefined);
  assert.ok(x509.checkIssued(new X509Certificate(authority.certificate)));
});
