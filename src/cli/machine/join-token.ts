/**
 * What a person carries from one machine to the next: `ID.SECRET.FINGERPRINT`, a bootstrap token (`abcdef.0123456789abcdef`) with the SHA-256 of the
 * authority's public key behind it, in hexadecimal. The first two parts let a machine ask for a certificate, the third lets it know that it asks the
 * right cluster. kubeadm's form, a token and `sha256:FINGERPRINT` apart from it, is understood, too. Pure.
 */
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { UsageError } from '../exit-code.ts';

export interface JoinToken {
  readonly id: string;
  /** `ID.SECRET`, as the API takes it. */
  readonly bearer: string;
  /** Of the authority's public key: 64 hexadecimal digits. */
  readonly fingerprint: string;
}

const wayOut = 'make one on the machine of the server, with: naru token create';

/** @param caHash kubeadm's `sha256:…`, for a token that says nothing of the authority @throws UsageError */
export function parseJoinToken(text: string, caHash?: string): JoinToken {
  const [, id, secret, own] = /^([a-z0-9]{6})\.([a-z0-9]{16})(?:\.([0-9a-f]{64}))?$/.exec(text.trim()) ?? [];
  if (id === undefined || secret === undefined) {
    throw new UsageError(`the token is not whole: it has the form ID.SECRET.FINGERPRINT; ${wayOut}`);
  }
  const told = caHash === undefined ? undefined : parseHash(caHash);
  const fingerprint = own ?? told;
  if (fingerprint === undefined) {
    throw new UsageError(
      `the token does not say which cluster it is for (its third part is missing), and neither does --ca-hash; ${wayOut}`,
    );
  }
  if (told !== undefined && told !== fingerprint) {
    throw new UsageError('--ca-hash and the token name two different certificate authorities; leave --ca-hash away');
  }
  return { id, bearer: `${id}.${secret}`, fingerprint };
}

function parseHash(text: string): string {
  const [, digits] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (digits !== undefined) return digits.toLowerCase();
  throw new UsageError(`--ca-hash takes sha256: and 64 hexadecimal digits, and got ${text.slice(0, 80)}`);
}

/** @param certificate PEM, as kubeadm's `--discovery-token-ca-cert-hash` counts it */
export function authorityFingerprint(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('hex');
}

/**
 * Of what a server shows as its authorities, those with the token's key, and nothing else: whoever stands between could put his own beside the right
 * one, which is no secret. Undefined where none has it.
 */
export function pinnedAuthorities(bundle: string, fingerprint: string): string | undefined {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const pinned = blocks.filter((block) => fingerprintIn(block) === fingerprint);
  // Written anew: what stood around it, or within, is not taken along.
  return pinned.length === 0 ? undefined : pinned.map((block) => new X509Certificate(block).toString()).join('');
}

function fingerprintIn(block: string): string | undefined {
  try {
    return authorityFingerprint(block);
  } catch {
    return undefined;
  }
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** A new id and secret, every letter as likely as every other. */
export function freshToken(random: (bytes: number) => Buffer = randomBytes): { id: string; secret: string } {
  const letters = (count: number): string => {
    let text = '';
    while (text.length < count) {
      // What is above the last whole multiple of the alphabet would make some letters likelier.
      for (const byte of random(count)) if (byte < 252) text += alphabet[byte % alphabet.length];
    }
    return text.slice(0, count);
  };
  return { id: letters(6), secret: letters(16) };
}
