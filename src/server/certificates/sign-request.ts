/**
 * Makes the certificate that a CertificateSigningRequest asks for, as upstream's signers do: the names of the request, the usages of the
 * object, and a life that the authority limits.
 *
 * Kept true: nothing of the request gets in but its key, the parts of its subject that Kubernetes knows, and its alternative names; it is
 * never an authority; it ends before whoever signed it. Loaded only when something is signed, since the library takes 150 ms.
 */
// The library's decorators need this global before it loads.
import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { CertificateRequest } from '../../api/certificates/certificate-request.ts';
import type { SigningOrder } from '../../api/certificates/signing.ts';
import { algorithm, type Issuer, serialNumber } from './issue.ts';

const minuteMs = 60 * 1000;
/** Clocks of machines differ. */
const backdatedMs = 5 * minuteMs;
/** Of a life shorter than this the five minutes would be a good part: they are given on top. */
const shortLifeMs = 8 * 60 * minuteMs;
const lifeMsMin = 10 * minuteMs;
const lifeMsMax = 365 * 24 * 60 * minuteMs;

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Pure. @throws Error where the authority is over */
export function validityOf(nowMs: number, expirationSeconds: number | undefined, authorityEndMs: number): Validity {
  const wanted = expirationSeconds === undefined ? lifeMsMax : expirationSeconds * 1000;
  const lifeMs = Math.min(Math.max(wanted, lifeMsMin), lifeMsMax);
  if (nowMs >= authorityEndMs) throw new Error('refusing to sign: the certificate of the authority has expired');
  const endMs = nowMs + (lifeMs < shortLifeMs ? lifeMs : lifeMs - backdatedMs);
  return { notBeforeMs: nowMs - backdatedMs, notAfterMs: Math.min(endMs, authorityEndMs) };
}

const { KeyUsageFlags: flag } = x509;
const keyUsages: Readonly<Record<string, number | undefined>> = {
  signing: flag.digitalSignature,
  'digital signature': flag.digitalSignature,
  'content commitment': flag.nonRepudiation,
  'key encipherment': flag.keyEncipherment,
  'key agreement': flag.keyAgreement,
  'data encipherment': flag.dataEncipherment,
  'cert sign': flag.keyCertSign,
  'crl sign': flag.cRLSign,
  'encipher only': flag.encipherOnly,
  'decipher only': flag.decipherOnly,
};

/** In the order in which they stand in a certificate. */
const extendedKeyUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

/** The parts of a subject that are taken over, in the order in which they stand in a certificate. */
const subjectParts: readonly (readonly [type: string, name: string])[] = [
  ['2.5.4.6', 'C'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', '2.5.4.9'],
  ['2.5.4.17', '2.5.4.17'],
  ['2.5.4.5', '2.5.4.5'],
];

/** PEM. @throws Error where the authority is over */
export async function signedCertificate(issuer: Issuer, order: SigningOrder, nowMs: number): Promise<string> {
  const { request } = order;
  const authority = new x509.X509Certificate(issuer.certificate);
  const end = new X509Certificate(issuer.certificate).validToDate.getTime();
  const { notBeforeMs, notAfterMs } = validityOf(nowMs, order.expirationSeconds, end);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    subject: subjectOf(request),
    issuer: authority.subjectName,
    publicKey: new x509.PublicKey(request.publicKey),
    signingKey: issuer.privateKey.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: await extensionsOf(order, authority),
  });
  return `${certificate.toString('pem').trimEnd()}\n`;
}

/** One common name alone, whatever the request has: two readers must not find two users in one certificate. */
function subjectOf({ subject, commonName }: CertificateRequest): x509.Name {
  const parts = subjectParts.flatMap(([type, name]) =>
    (subject.get(type) ?? []).map((value) => ({ [name]: [{ utf8String: value }] })),
  );
  return new x509.Name([...parts, ...(commonName === '' ? [] : [{ CN: [{ utf8String: commonName }] }])]);
}

async function extensionsOf(order: SigningOrder, authority: x509.X509Certificate): Promise<x509.Extension[]> {
  const usages = new Set(order.usages);
  const flags = order.usages.reduce((all, usage) => all | (keyUsages[usage] ?? 0), 0);
  const purposes = Object.entries(extendedKeyUsages).flatMap(([usage, oid]) => (usages.has(usage) ? [oid] : []));
  const names = alternativeNames(order.request);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...new Set(purposes)], false)]),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    // A certificate without a subject is known by these alone (RFC 5280, 4.2.1.6).
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, order.request.subject.size === 0)]),
  ];
}

function alternativeNames({ dnsNames, emailAddresses, ipAddresses, uris }: CertificateRequest): x509.JsonGeneralNames {
  return [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...emailAddresses.map((value) => ({ type: 'email' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ...uris.map((value) => ({ type: 'url' as const, value })),
  ];
}
