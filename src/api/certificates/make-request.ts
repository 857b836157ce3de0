/**
 * Makes a key and the request for its certificate: for whoever wants to be known by the cluster.
 *
 * The library takes about 150 ms to load, so import this file only when something must be made. It keeps no state and touches no file.
 */
// The library's decorators need this global before it loads.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { pemText } from './pem.ts';

export interface RequestOptions {
  /** Empty: the subject has none. */
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly emailAddresses?: readonly string[];
  readonly uris?: readonly string[];
  /** ECDSA on P-256 where absent. */
  readonly key?: KeyKind;
}

export type KeyKind = 'ecdsa' | 'rsa' | 'ed25519';

/** Both PEM. */
export interface RequestPair {
  readonly request: string;
  readonly key: string;
}

const algorithms = {
  ecdsa: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ed25519: { name: 'Ed25519' },
} as const;

export async function makeCertificateRequest(options: RequestOptions): Promise<RequestPair> {
  const signingAlgorithm = algorithms[options.key ?? 'ecdsa'];
  const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const names = alternativeNames(options);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(options),
    keys,
    signingAlgorithm,
    ...(names.length > 0 && { extensions: [new x509.SubjectAlternativeNameExtension(names)] }),
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    request: pemText('CERTIFICATE REQUEST', new Uint8Array(request.rawData)),
    key: pemText('PRIVATE KEY', new Uint8Array(key)),
  };
}

/** As objects, because the library reads quotes and backslashes in plain strings as an escape. */
function nameOf({ commonName, organizations = [] }: RequestOptions): x509.Name {
  const groups = organizations.map((group) => ({ O: [{ utf8String: group }] }));
  return new x509.Name([...groups, ...(commonName === '' ? [] : [{ CN: [{ utf8String: commonName }] }])]);
}

function alternativeNames(options: RequestOptions): x509.JsonGeneralNames {
  const { dnsNames = [], ipAddresses = [], emailAddresses = [], uris = [] } = options;
  return [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ...emailAddresses.map((value) => ({ type: 'email' as const, value })),
    ...uris.map((value) => ({ type: 'url' as const, value })),
  ];
}
