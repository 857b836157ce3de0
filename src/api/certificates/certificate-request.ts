/**
 * PKCS #10 requests for certificates (RFC 2986): what they ask for, and whether whoever asks holds the key. Pure and synchronous, since
 * validation is; nothing here trusts what it reads. Errors have Go's words, since upstream shows them to clients.
 */
import { createPublicKey } from 'node:crypto';
import {
  type DerElement,
  DerError,
  derChildren,
  derContent,
  derElement,
  derElements,
  derObjectIdentifier,
  derTag,
} from './der.ts';
import { pemBlocks } from './pem.ts';

/** By the type of the attribute (`2.5.4.10`), in the order in which they stand. */
export type SubjectAttributes = ReadonlyMap<string, readonly string[]>;

export interface CertificateRequest {
  readonly subject: SubjectAttributes;
  /** Of several the last, as Go reads them; empty where there is none. */
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  /** SubjectPublicKeyInfo (DER). */
  readonly publicKey: Buffer;
  readonly signed: SignedPart;
}

/** What the signature is checked by. */
export interface SignedPart {
  readonly bytes: Buffer;
  readonly algorithm: DerElement;
  readonly signature: Buffer;
}

const commonNameType = '2.5.4.3';
const organizationType = '2.5.4.10';
const extensionRequest = '1.2.840.113549.1.9.14';
const alternativeNames = '2.5.29.17';

/** @throws Error in upstream's words */
export function parseCertificateRequest(pem: Buffer): CertificateRequest {
  const [block] = pemBlocks(pem.toString('latin1'));
  if (block?.type !== 'CERTIFICATE REQUEST') throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [info, algorithm, signature] = derChildren(derElement(block.bytes));
  const [version, name, publicKey, attributes] = derChildren(info);
  derContent(version, derTag.integer);
  if (info === undefined || algorithm === undefined) throw new DerError('asn1: syntax error: sequence truncated');
  derContent(algorithm, derTag.sequence);
  derContent(publicKey, derTag.sequence);
  const subject = readName(name);
  return {
    subject,
    commonName: subject.get(commonNameType)?.at(-1) ?? '',
    organizations: subject.get(organizationType) ?? [],
    ...readAlternativeNames(attributes),
    publicKey: checkedKey((publicKey as DerElement).whole),
    signed: { bytes: info.whole, algorithm, signature: bitString(signature) },
  };
}

function bitString(element: DerElement | undefined): Buffer {
  const content = derContent(element, derTag.bitString);
  if (content[0] !== 0) throw new DerError('asn1: syntax error: invalid padding bits in BIT STRING');
  return content.subarray(1);
}

/** @throws Error where the key is of a kind that nobody here can check */
function checkedKey(publicKey: Buffer): Buffer {
  try {
    createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    return publicKey;
  } catch (error) {
    throw new Error('x509: invalid or unsupported public key', { cause: error });
  }
}

function readName(name: DerElement | undefined): SubjectAttributes {
  const attributes = new Map<string, string[]>();
  for (const attribute of derChildren(name).flatMap((set) => derChildren(set, derTag.set))) {
    const [type, value] = derChildren(attribute);
    const oid = derObjectIdentifier(type);
    const values = attributes.get(oid) ?? [];
    values.push(textOf(value));
    attributes.set(oid, values);
  }
  return attributes;
}

/** By the tag of a string type. */
const encodings: Readonly<Record<number, BufferEncoding | undefined>> = {
  12: 'utf8',
  18: 'latin1',
  19: 'latin1',
  20: 'latin1',
  22: 'latin1',
};

function textOf(value: DerElement | undefined): string {
  if (value === undefined) throw new DerError('x509: invalid RDNSequence: invalid attribute');
  // BMPString: UTF-16, the big end first.
  if (value.tag === 30 && value.content.length % 2 === 0)
    return Buffer.from(value.content).swap16().toString('utf16le');
  const encoding = encodings[value.tag];
  if (encoding === undefined) throw new DerError('x509: invalid RDNSequence: invalid attribute value');
  return value.content.toString(encoding);
}

interface AlternativeNames {
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
}

function readAlternativeNames(attributes: DerElement | undefined): AlternativeNames {
  const names = {
    dnsNames: [] as string[],
    emailAddresses: [] as string[],
    ipAddresses: [] as string[],
    uris: [] as string[],
  };
  for (const extension of requestedExtensions(attributes)) {
    const parts = derChildren(extension);
    if (derObjectIdentifier(parts[0]) !== alternativeNames) continue;
    const value = derContent(parts.at(-1), derTag.octetString);
    for (const { tag, content } of derChildren(derElement(value))) {
      if (tag === 0x81) names.emailAddresses.push(ascii(content, 'rfc822Name'));
      else if (tag === 0x82) names.dnsNames.push(ascii(content, 'dNSName'));
      else if (tag === 0x86) names.uris.push(uri(ascii(content, 'uniformResourceIdentifier')));
      else if (tag === 0x87) names.ipAddresses.push(ipAddress(content));
    }
  }
  return names;
}

function requestedExtensions(attributes: DerElement | undefined): DerElement[] {
  return derElements(attributes?.tag === 0xa0 ? attributes.content : Buffer.alloc(0)).flatMap((attribute) => {
    const [type, values] = derChildren(attribute);
    if (derObjectIdentifier(type) !== extensionRequest) return [];
    return derChildren(values, derTag.set).flatMap((list) => derChildren(list));
  });
}

function ascii(content: Buffer, kind: string): string {
  if (content.some((byte) => byte > 0x7f)) throw new Error(`x509: SAN ${kind} is malformed`);
  return content.toString('latin1');
}

function uri(text: string): string {
  if (!URL.canParse(text, 'base:/')) throw new Error(`x509: cannot parse URI ${JSON.stringify(text)}`);
  return text;
}

function ipAddress(content: Buffer): string {
  if (content.length === 4) return content.join('.');
  if (content.length !== 16) throw new Error(`x509: cannot parse IP address of length ${content.length}`);
  const groups = content.toString('hex').match(/.{4}/g) ?? [];
  // The URL parser writes every IPv6 address in its one canonical form.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
