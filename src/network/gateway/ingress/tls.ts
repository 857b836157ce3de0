/**
 * TLS of Ingresses: which certificate a server name gets, which hosts are sent to https, whose clients must show certificates. Pure.
 *
 * A Secret that is missing, or whose certificate is for other names, costs its hosts their certificate and nothing else: they are served with the
 * default one until it is right.
 */
import { nameWithin } from '../../../api/ingress-classes.ts';
import type { Certificate } from '../plan.ts';
import type { CertificateFacts } from '../translator.ts';
import { anyHost, type Hosts, isNeighbour, ownerOf, tellOwner } from './hosts.ts';
import type { ReadIngress, Work } from './reading.ts';

export interface TlsFacts {
  readonly certificates: readonly Certificate[];
  /** Plain requests for these are sent to https. */
  readonly hosts: ReadonlySet<string>;
  /** Nobody may come in to the host, or to what one Ingress serves of it: which clients may cannot be checked. */
  readonly isClosed: (host: string, read: ReadIngress) => boolean;
  /** Clients show certificates: never served without TLS. */
  readonly guardedHosts: ReadonlySet<string>;
}

type Authorities = NonNullable<Certificate['clientAuthorities']>;

export function tlsFacts(work: Work, ingresses: readonly ReadIngress[], hosts: Hosts): TlsFacts {
  const byName = new Map<string, { readonly facts: CertificateFacts; readonly read: ReadIngress }>();
  const secure = new Set<string>();
  for (const read of ingresses) {
    for (const [index, { hosts: listed = [], secretName }] of (read.ingress.spec?.tls ?? []).entries()) {
      const names = listed.map((host) => host.toLowerCase());
      for (const name of names) secure.add(name);
      if (!secretName) continue;
      const at = `spec.tls[${index}]`;
      for (const name of certificateNames(work, read, secretName, names, at)) {
        const first = byName.get(name.serverName);
        if (first === undefined) byName.set(name.serverName, { facts: name.facts, read });
        else if (first.facts.id !== name.facts.id) {
          const { namespace, name: owner } = first.read.source;
          const message = `${at}: ${name.serverName} has the certificate of the older Ingress ${namespace}/${owner}`;
          work.tell(read.source, 'CertificateConflict', message);
        }
      }
    }
  }
  for (const host of hosts.keys()) if (host !== anyHost && isListed(host, byName)) secure.add(host);
  for (const host of hosts.keys()) if (isListed(host, secure)) secure.add(host);
  const guards = clientAuthorities(work, ingresses, hosts, new Set(byName.keys()));
  const certificates = [...byName].map(([serverName, { facts }]): Certificate => {
    const authorities = guards.authorities.get(serverName);
    return { serverName, id: facts.id, pem: facts.pem, ...(authorities && { clientAuthorities: authorities }) };
  });
  const { authorities, closed, strangers } = guards;
  const isClosed = (host: string, read: ReadIngress): boolean =>
    closed.has(host) || (strangers.get(host)?.has(read) ?? false);
  return { certificates, hosts: secure, isClosed, guardedHosts: new Set(authorities.keys()) };
}

interface NamedCertificate {
  readonly serverName: string;
  readonly facts: CertificateFacts;
}

/** Of a Secret for the hosts that are listed with it; for all of its own names where none are. */
function certificateNames(
  work: Work,
  read: ReadIngress,
  secretName: string,
  listed: readonly string[],
  at: string,
): readonly NamedCertificate[] {
  const reference = { namespace: read.source.namespace, name: secretName };
  const facts = work.take(work.sources.named.certificate(reference), read, at, reference);
  if (facts === undefined) return [];
  if (facts.notAfterMs <= work.sources.nowMs) {
    const end = new Date(facts.notAfterMs).toISOString();
    work.tell(read.source, 'CertificateExpired', `${at}: the certificate in Secret ${secretName} ended at ${end}`);
  }
  if (listed.length === 0) return facts.names.map((serverName) => ({ serverName, facts }));
  return listed.flatMap((serverName) => {
    if (find(serverName, facts.names)) return [{ serverName, facts }];
    const message = `${at}: the certificate in Secret ${secretName} is not for ${serverName}, which gets the default one`;
    work.tell(read.source, 'BadCertificate', message);
    return [];
  });
}

/** Is it one of the names, or covered by a wildcard among them? */
function find(host: string, names: Iterable<string>): boolean {
  const wildcard = wildcardOf(host);
  for (const name of names) if (name === host || name === wildcard) return true;
  return false;
}

const isListed = (host: string, names: { has(name: string): boolean }): boolean =>
  names.has(host) || names.has(wildcardOf(host));

/** `*.example.com` of `a.example.com`. */
const wildcardOf = (host: string): string => (host.includes('.') ? `*${host.slice(host.indexOf('.'))}` : host);

interface Guards {
  readonly authorities: ReadonlyMap<string, Authorities>;
  readonly closed: ReadonlySet<string>;
  /** By host, Ingresses of other namespaces than the host's owner that ask for what they may not decide. */
  readonly strangers: ReadonlyMap<string, ReadonlySet<ReadIngress>>;
}

/** By host: `auth-tls-secret` holds for all paths of a host, whichever Ingress they are of; but only its owner's namespace may say so. */
function clientAuthorities(
  work: Work,
  ingresses: readonly ReadIngress[],
  hosts: Hosts,
  certified: ReadonlySet<string>,
): Guards {
  const authorities = new Map<string, Authorities>();
  const closed = new Set<string>();
  const strangers = new Map<string, Set<ReadIngress>>();
  for (const read of ingresses) {
    const text = read.values['auth-tls-secret'];
    const verify = read.values['auth-tls-verify-client'] ?? 'on';
    if (text === undefined || verify === 'off') continue;
    const pem = authoritiesOf(work, read, text);
    for (const { host = '' } of read.ingress.spec?.rules ?? []) {
      const name = host.toLowerCase() || anyHost;
      const owner = ownerOf(hosts.get(name));
      if (owner !== undefined && !isNeighbour(read, owner)) {
        strangers.set(name, (strangers.get(name) ?? new Set<ReadIngress>()).add(read));
        tellOwner(work, read, 'auth-tls-secret', name, owner);
        continue;
      }
      if (pem !== undefined && certified.has(name)) {
        if (!authorities.has(name)) authorities.set(name, { pem, isOptional: verify !== 'on' });
        continue;
      }
      closed.add(name);
      if (pem === undefined) continue;
      const message = `auth-tls-secret: ${name} has no certificate of its own in spec.tls; its paths answer 503 until it has`;
      work.tell(read.source, 'CertificateMissing', message);
    }
  }
  return { authorities, closed, strangers };
}

function authoritiesOf(work: Work, read: ReadIngress, text: string): string | undefined {
  const name = nameWithin(read.source.namespace, text);
  if (name === undefined) {
    work.tell(read.source, 'BadAnnotation', 'auth-tls-secret must be in the namespace of the Ingress');
    return undefined;
  }
  const reference = { namespace: read.source.namespace, name };
  return work.take(work.sources.named.authorities('Secret', reference), read, 'auth-tls-secret', reference);
}
