/**
 * The certificate for server names that have none: self-signed, made at the first use and kept, so that whoever trusted it once need not do so again at the
 * next start. No client should trust it unasked: it says that the connection came here, and no more.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writePrivateFile } from '../../lib/private-file.ts';
import type { Certificate } from './plan.ts';

const dayMs = 86_400_000;
const lifeMs = 365 * dayMs;
const renewalMs = 30 * dayMs;
const subject = 'naru default certificate';

/** The one of the file, or a new one where that is missing, broken or near its end. */
export async function defaultCertificate(file: string, nowMs: number): Promise<Certificate> {
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (isGood(kept, nowMs)) return certificateOf(kept);
  const pem = await selfSigned(nowMs);
  await writePrivateFile(file, pem);
  return certificateOf(pem);
}

function certificateOf(pem: string): Certificate {
  return { serverName: '*', id: 'default', pem };
}

function isGood(pem: string, nowMs: number): boolean {
  const from = pem.indexOf('-----BEGIN CERTIFICATE-----');
  if (from < 0 || !pem.includes('PRIVATE KEY')) return false;
  try {
    return Date.parse(new X509Certificate(pem.slice(from)).validTo) > nowMs + renewalMs;
  } catch {
    return false;
  }
}

async function selfSigned(nowMs: number): Promise<string> {
  await import('reflect-metadata');
  const { X509CertificateGenerator, SubjectAlternativeNameExtension } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${subject}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + lifeMs),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'default.invalid' }])],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = key.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n${certificate.toString('pem')}\n`;
}
