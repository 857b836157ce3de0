/** Certificates of authorities in PEM, which trust begins with: what each entry is, and bundles made into one text. Pure. */
import { X509Certificate } from 'node:crypto';
import { type DerElement, derChildren, derContent, derElement, derObjectIdentifier, derTag } from './der.ts';
import { pemBlocks, pemText } from './pem.ts';

const basicConstraints = '2.5.29.19';

/** Undefined: it is one. Else what is wrong with the DER of a certificate, as upstream says it. */
export function trustAnchorProblem(der: Buffer): string | undefined {
  try {
    if (new X509Certificate(der).raw.length !== der.length) return 'does not parse as X.509';
    return isAuthority(der) ? undefined : 'does not have the CA bit set';
  } catch {
    return 'does not parse as X.509';
  }
}

/** What the basic constraints say; the library's own answer looks at more than them. */
function isAuthority(der: Buffer): boolean {
  const [body] = derChildren(derElement(der));
  const extensions = derChildren(body).find(({ tag }) => tag === 0xa3);
  const list: readonly DerElement[] = extensions === undefined ? [] : derChildren(derChildren(extensions, 0xa3)[0]);
  for (const parts of list.map((extension) => derChildren(extension))) {
    if (derObjectIdentifier(parts[0]) !== basicConstraints) continue;
    const [flag] = derChildren(derElement(derContent(parts.at(-1), derTag.octetString)));
    return flag?.tag === 0x01 && flag.content[0] === 0xff;
  }
  return false;
}

/** All certificates of several bundles, each once, sorted, in the one form that PEM has: no text between, no headers. */
export function mergedTrustAnchors(bundles: readonly string[]): string {
  const all = new Map<string, Buffer>();
  for (const { bytes } of bundles.flatMap(pemBlocks)) all.set(bytes.toString('latin1'), bytes);
  const sorted = [...all].sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([, bytes]) => pemText('CERTIFICATE', bytes)).join('');
}
