/** Certificates in Secrets: whether they are there, hold now, and are for the names that users ask for. */
import { X509Certificate } from 'node:crypto';
import type { KubeObject } from '../../api/object.ts';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import { secrets } from '../../client/resources.ts';
import { type Finding, finding, remedy } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { durationText, listed, meant } from '../words.ts';

export interface CertificateFacts {
  readonly names: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  covers(host: string): boolean;
}

/** The first of a chain in PEM; undefined for what is none. */
export function certificateFacts(pem: string): CertificateFacts | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const names = [...(certificate.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(
      ([, name = '']) => name,
    );
    return {
      names,
      fromMs: Date.parse(certificate.validFrom),
      toMs: Date.parse(certificate.validTo),
      covers: (host) => certificate.checkHost(host.startsWith('*.') ? `x${host.slice(1)}` : host) !== undefined,
    };
  } catch {
    return undefined;
  }
}

export const certificateOf = ({ data }: Secret): string => Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString();

/** Sooner than this, its renewal should have happened. */
export const soonMs = 14 * 24 * 3_600_000;

/** @param about the Ingress or Gateway that names the Secret */
export async function tlsFindings(
  about: KubeObject,
  namespace: string,
  name: string,
  hosts: readonly string[],
  { look, nowMs }: Inquiry,
): Promise<readonly Finding[]> {
  const secret = await look.get(secrets, { namespace, name });
  const renews = about.metadata?.annotations?.['naru.io/acme'] === 'true';
  if (secret === undefined) {
    if (look.unseen.has('secrets')) return [];
    const names = (await look.list(secrets, namespace)).map(({ metadata }) => metadata?.name ?? '');
    const text = `the Secret "${name}" with its certificate does not exist${meant(name, names)}`;
    return [
      finding(about, 'CertificateMissing', renews ? `${text}; it is being asked for (ACME)` : text, {
        severity: renews ? 'warning' : 'problem',
        why: ['until it is there, a certificate that browsers do not trust is shown'],
        fix: [
          renews
            ? remedy(
                'The name must lead to this cluster’s address from the internet, on port 80; what the issuer said is in the events',
              )
            : remedy(
                'Create a Secret of type kubernetes.io/tls with tls.crt and tls.key, or set the annotation naru.io/acme: "true"',
              ),
        ],
      }),
    ];
  }
  const facts = certificateFacts(certificateOf(secret));
  const subject = { kind: 'Secret', namespace, name };
  if (facts === undefined) {
    return [
      finding(subject, 'CertificateUnreadable', 'it holds no certificate', {
        why: [`keys of the Secret: ${listed(Object.keys(secret.data ?? {})) || 'none'}`],
        fix: [remedy('It must have tls.crt and tls.key in PEM')],
      }),
    ];
  }
  const findings: Finding[] = [];
  if (facts.toMs < nowMs) {
    findings.push(
      finding(subject, 'CertificateExpired', `its certificate expired ${durationText(nowMs - facts.toMs)} ago`, {
        fix: [renewal(renews)],
      }),
    );
  } else if (facts.toMs - nowMs < soonMs) {
    findings.push(
      finding(subject, 'CertificateExpiresSoon', `its certificate expires in ${durationText(facts.toMs - nowMs)}`, {
        severity: 'warning',
        fix: [renewal(renews)],
      }),
    );
  }
  if (facts.fromMs > nowMs) {
    findings.push(
      finding(
        subject,
        'CertificateNotYetValid',
        `its certificate begins to hold only in ${durationText(facts.fromMs - nowMs)}`,
        { fix: [remedy('Look at the clock', 'naru doctor')] },
      ),
    );
  }
  const uncovered = hosts.filter((host) => host !== '' && !facts.covers(host));
  if (uncovered.length > 0) {
    findings.push(
      finding(
        subject,
        'CertificateForOtherName',
        `its certificate is not for ${listed(uncovered)}, but for ${listed(facts.names) || 'no name'}`,
        {
          fix: [remedy('Get one for the names of the rule, or let it be made: annotation naru.io/acme: "true"')],
        },
      ),
    );
  }
  return findings;
}

const renewal = (renews: boolean) =>
  renews
    ? remedy('It should have been renewed by itself; what the issuer said is in the events of its Ingress')
    : remedy(
        'Put a new one into the Secret; it is taken up within seconds. Or let it be renewed: annotation naru.io/acme: "true"',
      );
