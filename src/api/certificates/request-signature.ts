/** Whether a request for a certificate was signed with the key that it names: proof that whoever asks holds it. Words are Go's. */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { CertificateRequest } from './certificate-request.ts';
import { type DerElement, derChildren, derObjectIdentifier } from './der.ts';

type KeyKind = 'rsa' | 'ec' | 'ed25519';

interface Algorithm {
  readonly key: KeyKind;
  /** Null: the algorithm brings its own. */
  readonly hash: string | null;
  readonly pss?: true;
}

const rsa = '1.2.840.113549.1.1';
const algorithms: Readonly<Record<string, Algorithm | undefined>> = {
  [`${rsa}.5`]: { key: 'rsa', hash: 'sha1' },
  [`${rsa}.11`]: { key: 'rsa', hash: 'sha256' },
  [`${rsa}.12`]: { key: 'rsa', hash: 'sha384' },
  [`${rsa}.13`]: { key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.1': { key: 'ec', hash: 'sha1' },
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.3.101.112': { key: 'ed25519', hash: null },
};

const insecure: Readonly<Record<string, string | undefined>> = { [`${rsa}.2`]: 'MD2-RSA', [`${rsa}.4`]: 'MD5-RSA' };

/** Of RSA-PSS, where the hash stands in the parameters. */
const hashes: Readonly<Record<string, string | undefined>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const rsaBitsMin = 1024;

const failures: Readonly<Record<KeyKind, string>> = {
  rsa: 'crypto/rsa: verification error',
  ec: 'x509: ECDSA verification failure',
  ed25519: 'x509: Ed25519 verification failure',
};

const goNames: Readonly<Record<KeyKind, readonly [algorithm: string, type: string]>> = {
  rsa: ['RSA', '*rsa.PublicKey'],
  ec: ['ECDSA', '*ecdsa.PublicKey'],
  ed25519: ['Ed25519', 'ed25519.PublicKey'],
};

/** @throws Error, one sentence in Go's words, where the signature is not that of the request's key */
export function checkRequestSignature({ publicKey, signed }: CertificateRequest): void {
  const algorithm = algorithmOf(signed.algorithm);
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  checkKey(key, algorithm);
  const { hash, pss } = algorithm;
  const padding = pss && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  if (!verify(hash, signed.bytes, { key, ...padding }, signed.signature)) throw new Error(failures[algorithm.key]);
}

function algorithmOf(identifier: DerElement): Algorithm {
  const [type, parameters] = derChildren(identifier);
  const oid = derObjectIdentifier(type);
  if (insecure[oid]) throw new Error(`x509: cannot verify signature: insecure algorithm ${insecure[oid]}`);
  const algorithm = oid === `${rsa}.10` ? pssAlgorithm(parameters) : algorithms[oid];
  if (algorithm === undefined) throw new Error('x509: cannot verify signature: algorithm unimplemented');
  return algorithm;
}

function pssAlgorithm(parameters: DerElement | undefined): Algorithm | undefined {
  const named = derChildren(parameters).find(({ tag }) => tag === 0xa0);
  const [digest] = named === undefined ? [] : derChildren(derChildren(named, 0xa0)[0]);
  const hash = digest === undefined ? undefined : hashes[derObjectIdentifier(digest)];
  return hash === undefined ? undefined : { key: 'rsa', hash, pss: true };
}

function checkKey(key: KeyObject, algorithm: Algorithm): void {
  const kind = key.asymmetricKeyType;
  if (kind !== algorithm.key) {
    const found = kind === 'rsa' || kind === 'ec' || kind === 'ed25519' ? goNames[kind][1] : (kind ?? 'unknown');
    const [wanted] = goNames[algorithm.key];
    throw new Error(
      `x509: signature algorithm specifies an ${wanted} public key, but have public key of type ${found}`,
    );
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? rsaBitsMin;
  if (bits < rsaBitsMin) {
    throw new Error(
      `crypto/rsa: ${bits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)`,
    );
  }
}
