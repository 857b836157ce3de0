/** For tests of calls outside: certificates of servers that stand outside, each under an authority of its own. */
import { createPrivateKey } from 'node:crypto';
import { RealClock } from '../../lib/clock.ts';
import { issueAuthority, issueLeaf } from '../certificates/issue.ts';

/** PEM texts. */
export interface ServingCertificate {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const hourMs = 60 * 60 * 1000;

export async function servingCertificate(
  names: readonly string[],
  { expired = false }: { readonly expired?: boolean } = {},
): Promise<ServingCertificate> {
  const nowMs = new RealClock().now();
  const authority = await issueAuthority('somebody-else', { nowMs, lifetimeMs: hourMs });
  const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
  const leaf = await issueLeaf(issuer, {
    nowMs: expired ? nowMs - 2 * hourMs : nowMs,
    lifetimeMs: hourMs,
    subject: { commonName: names[0] ?? 'localhost', organizations: [] },
    usage: 'server',
    names,
  });
  return { authority: authority.certificate, ...leaf };
}
