/**
 * The certificate of an operator's webhooks: made here, kept in a Secret that all copies share, renewed when a third of its life is left.
 *
 * Kept true: of copies that write at the same time the first one's counts for all. A new certificate comes with a new authority, whose key is thrown
 * away; the authorities before it stay trusted beside it, since other copies serve their certificates for a while.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { secrets } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';

export interface Pair {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Whom to trust: PEM, one after another, the newest first. */
  readonly authority: string;
}

export interface CertificateOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly secret: { readonly namespace: string; readonly name: string };
  readonly names: readonly string[];
}

const lifetimeMs = 365 * 24 * 60 * 60 * 1000;
/** The newest, and those whose certificates other copies may still serve. */
const authoritiesMax = 3;

/** The pair in the Secret while it is good, else a new one that is there from now on. `known` is what this copy serves, if anything. */
export async function agreedPair(options: CertificateOptions, known?: Pair): Promise<Pair> {
  const { client, clock, secret: reference } = options;
  for (;;) {
    const found = await client.get(secrets, reference).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    });
    const kept = found && pairIn(found);
    if (kept !== undefined && isGood(kept, options)) return kept;
    const made = await make(options);
    const authority = bundleOf([made.authority, kept?.authority, known?.authority], clock.now());
    const secret: Secret = {
      ...found,
      metadata: found?.metadata ?? reference,
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': base64(made.certificate), 'tls.key': base64(made.key), 'ca.crt': base64(authority) },
    };
    try {
      await (found === undefined ? client.create(secrets, secret) : client.update(secrets, secret));
      return { ...made, authority };
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists', 'Conflict')) throw error;
    }
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

function pairIn({ data = {} }: Secret): Pair | undefined {
  const [certificate, key, authority] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) =>
    Buffer.from(data[name] ?? '', 'base64').toString(),
  );
  return certificate && key && authority ? { certificate, key, authority } : undefined;
}

/** Of our names, with its own key, by the newest authority, and not old. What cannot be read is not. */
function isGood({ certificate, key, authority }: Pair, { clock, names }: CertificateOptions): boolean {
  try {
    const [x509, issuer] = [new X509Certificate(certificate), new X509Certificate(authority)];
    if (!x509.checkPrivateKey(createPrivateKey(key)) || !x509.verify(issuer.publicKey)) return false;
    const endMs = x509.validToDate.getTime();
    const renewAtMs = endMs - (endMs - x509.validFromDate.getTime()) / 3;
    const has = (x509.subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^(DNS|IP Address):/, ''));
    return clock.now() < renewAtMs && names.every((name) => has.includes(name));
  } catch {
    return false;
  }
}

async function make({ clock, names }: CertificateOptions): Promise<Pair> {
  const { issueAuthority, issueLeaf } = await import('../server/certificates/issue.ts');
  const lifetime = { nowMs: clock.now(), lifetimeMs };
  const commonName = names[0]?.slice(0, 64) ?? '';
  // Authorities that are trusted side by side had better not have one name.
  const authority = await issueAuthority(`${lifetime.nowMs} ${commonName}`.slice(0, 64), lifetime);
  const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
  const leaf = await issueLeaf(issuer, {
    ...lifetime,
    subject: { commonName, organizations: [] },
    usage: 'server',
    names,
  });
  return { certificate: leaf.certificate, key: leaf.key, authority: authority.certificate };
}

/** The first authorities that are good at `nowMs`, each once. */
function bundleOf(texts: readonly (string | undefined)[], nowMs: number): string {
  const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
  const all = new Set(texts.flatMap((text) => text?.match(pem) ?? []));
  const isOpen = (text: string): boolean => {
    try {
      return new X509Certificate(text).validToDate.getTime() > nowMs;
    } catch {
      return false;
    }
  };
  return `${[...all].filter(isOpen).slice(0, authoritiesMax).join('\n')}\n`;
}
