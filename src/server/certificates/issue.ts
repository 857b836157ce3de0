/**
 * Makes X.509 certificates (RFC 5280): ECDSA on P-256, what TLS stacks of every client understand.
 *
 * The library takes about 150 ms to load, so this file is imported only when something must be made (see
 * `certificate-authority.ts`). It keeps no state and touches no file.
 */
// The library's decorators need this global before it loads.
import 'reflect-metadata';
import { type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { CertificatePair } from './certificate-files.ts';

/** Of the authority's own key. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Clocks of machines differ: a certificate is valid from this long before it was made. */
const clockSkewMs = 5 * 60 * 1000;

export interface Subject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface Lifetime {
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

export interface Issuer {
  readonly certificate: string;
  readonly privateKey: KeyObject;
}

/** A new authority that signs itself. */
export async function issueAuthority(commonName: string, lifetime: Lifetime): Promise<CertificatePair> {
  const keys = await generateKeys();
  const name = nameOf({ commonName, organizations: [] });
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(lifetime),
    subject: name,
    issuer: name,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: withNewline(certificate.toString('pem')), key: await exportKey(keys.privateKey) };
}

export interface LeafRequest extends Lifetime {
  readonly subject: Subject;
  readonly usage: 'server' | 'client';
  /** DNS names and IP addresses that a server may be reached by. */
  readonly names: readonly string[];
}

/** A certificate with a new key, signed by `issuer`. */
export async function issueLeaf(issuer: Issuer, request: LeafRequest): Promise<CertificatePair> {
  const keys = await generateKeys();
  const authority = new x509.X509Certificate(issuer.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(request),
    subject: nameOf(request.subject),
    issuer: authority.subjectName,
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey.toCryptoKey(algorithm, false, ['sign']),
    extensions: await leafExtensions(authority, keys.publicKey, request),
  });
  return { certificate: withNewline(certificate.toString('pem')), key: await exportKey(keys.privateKey) };
}

async function leafExtensions(
  authority: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
  request: LeafRequest,
): Promise<x509.Extension[]> {
  const usage = request.usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([usage], false),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
  ];
  if (request.names.length > 0) extensions.push(alternativeNames(request.names));
  return extensions;
}

function alternativeNames(names: readonly string[]): x509.Extension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
  );
}

/** A positive one of at most 20 bytes (RFC 5280, 4.1.2.2), in hexadecimal. */
export function serialNumber(): string {
  const serial = randomBytes(16);
  serial[0] = (serial[0] as number) & 0x7f;
  return serial.toString('hex');
}

function common({ nowMs, lifetimeMs }: Lifetime) {
  return {
    serialNumber: serialNumber(),
    notBefore: new Date(nowMs - clockSkewMs),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: algorithm,
  };
}

/**
 * Groups first, the user last, as upstream's own certificates have them. As objects, because the library reads quotes and
 * backslashes in plain strings as an escape: a user called `x"admin"` would become `admin`.
 */
function nameOf({ commonName, organizations }: Subject): x509.Name {
  const groups = organizations.map((group) => ({ O: [{ utf8String: group }] }));
  return new x509.Name([...groups, { CN: [{ utf8String: commonName }] }]);
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}

function withNewline(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}
