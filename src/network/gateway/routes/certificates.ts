/**
 * What a listener shows its clients, and what it asks of them: the Secrets and ConfigMaps that it names, looked for, with the conditions that follow. Pure.
 *
 * A reference that leads nowhere costs the listener that certificate; without any it is not served.
 */
import type { FrontendTLSValidation, SecretObjectReference } from '../../../api/schema/types/gateway-v1.ts';
import type { Certificate } from '../plan.ts';
import type { CertificateFacts, Found, NamedObjectSource } from '../translator.ts';
import type { Grants } from './grants.ts';
import { covers } from './hostnames.ts';
import type { ReadListener } from './listeners.ts';
import { bad, good, type Verdict } from './objects.ts';

export interface ListenerTls {
  /** Not all that is named is known yet. */
  readonly isPending: boolean;
  /** By server name; none for listeners without TLS, or with all of theirs missing. */
  readonly certificates: readonly Certificate[];
  readonly refs: Verdict;
  /** Whether it can say who its clients are; where it cannot, nobody comes in. */
  readonly clients: Verdict;
}

const noTls: ListenerTls = {
  isPending: false,
  certificates: [],
  refs: good('ResolvedRefs'),
  clients: good('Accepted'),
};

export function listenerTls(read: ReadListener, named: NamedObjectSource, grants: Grants): ListenerTls {
  if (read.form !== 'https' && read.form !== 'terminated') return noTls;
  const found = (read.listener.tls?.certificateRefs ?? []).map((reference, index) =>
    certificateOf(read, reference, `tls.certificateRefs[${index}]`, named, grants),
  );
  const facts = found.flatMap(({ facts: each }) => each ?? []);
  const problem = found.find(({ verdict }) => verdict?.isGood === false)?.verdict;
  const none = bad('InvalidCertificateRef', 'tls.certificateRefs names no certificate');
  const clients = read.form === 'https' ? clientsOf(read, named, grants) : undefined;
  const certificates = byServerName(read.hostname, facts).map(
    (certificate): Certificate => ({
      ...certificate,
      ...(clients?.authorities && { clientAuthorities: clients.authorities }),
    }),
  );
  const refs = problem ?? (found.length === 0 ? none : good('ResolvedRefs'));
  return {
    isPending: found.some(({ isPending }) => isPending) || clients?.isPending === true,
    certificates,
    refs: refs.isGood ? (clients?.refs ?? refs) : refs,
    clients: clients?.verdict ?? good('Accepted'),
  };
}

interface FoundCertificate {
  readonly facts?: CertificateFacts;
  readonly verdict?: Verdict;
  readonly isPending: boolean;
}

function certificateOf(
  { owner }: Pick<ReadListener, 'owner'>,
  { group = '', kind = 'Secret', name, namespace = owner.namespace }: SecretObjectReference,
  at: string,
  named: NamedObjectSource,
  grants: Grants,
): FoundCertificate {
  const refuse = (reason: string, message: string): FoundCertificate => ({
    verdict: bad(reason, `${at}: ${message}`),
    isPending: false,
  });
  if (group !== '' || kind !== 'Secret') return refuse('InvalidCertificateRef', `${kind} ${name} is no Secret`);
  const from = { fromKind: owner.kind, fromNamespace: owner.namespace };
  if (!grants.allow({ ...from, group, kind, namespace, name })) {
    return refuse(
      'RefNotPermitted',
      `no ReferenceGrant in ${namespace} lets ${owner.kind}s of ${owner.namespace} use Secret ${name}`,
    );
  }
  const found = named.certificate({ namespace, name });
  const why = whyNot(found);
  if (why !== undefined) return refuse('InvalidCertificateRef', `Secret ${namespace}/${name} ${why}`);
  return found.kind === 'found' ? { facts: found.value, isPending: false } : { isPending: true };
}

/** Undefined of what was found, and while it is not known. */
export function whyNot(found: Found<unknown>): string | undefined {
  if (found.kind === 'missing') return 'does not exist';
  return found.kind === 'bad' ? `cannot be used: ${found.why}` : undefined;
}

/** The first is for all names that the listener takes; the others for those of their own among these. */
function byServerName(hostname: string, all: readonly CertificateFacts[]): Certificate[] {
  const certificates = new Map<string, Certificate>();
  for (const [index, { id, pem, names }] of all.entries()) {
    const serverNames = index === 0 ? [hostname] : names.filter((name) => covers(hostname, name));
    for (const serverName of serverNames) {
      if (!certificates.has(serverName)) certificates.set(serverName, { serverName, id, pem });
    }
  }
  return [...certificates.values()];
}

interface Clients {
  readonly authorities?: NonNullable<Certificate['clientAuthorities']>;
  readonly verdict: Verdict;
  readonly refs?: Verdict;
  readonly isPending: boolean;
}

/** What a Gateway asks of clients at a port: `spec.tls.frontend`. */
export function validationAt({
  gateway,
  port,
}: Pick<ReadListener, 'gateway' | 'port'>): FrontendTLSValidation | undefined {
  const frontend = gateway.spec.tls?.frontend;
  const own = frontend?.perPort?.find((each) => each.port === port);
  return own === undefined ? frontend?.default.validation : own.tls.validation;
}

function clientsOf(read: ReadListener, named: NamedObjectSource, grants: Grants): Clients | undefined {
  const validation = validationAt(read);
  if (validation === undefined) return undefined;
  const found = validation.caCertificateRefs.map((reference) => authoritiesOf(read, reference, named, grants));
  const pems = found.flatMap(({ pem }) => pem ?? []);
  const problem = found.find(({ verdict }) => verdict !== undefined)?.verdict;
  const isPending = found.some((each) => each.isPending);
  const refs = problem && { refs: problem };
  if (pems.length === 0) {
    const verdict = isPending
      ? good('Accepted')
      : bad('NoValidCACertificate', problem?.message ?? 'no authority is named');
    return { verdict, ...refs, isPending };
  }
  const isOptional = validation.mode === 'AllowInsecureFallback';
  return { authorities: { pem: pems.join('\n'), isOptional }, verdict: good('Accepted'), ...refs, isPending };
}

interface FoundAuthorities {
  readonly pem?: string;
  readonly verdict?: Verdict;
  readonly isPending: boolean;
}

function authoritiesOf(
  { gateway }: Pick<ReadListener, 'gateway'>,
  reference: FrontendTLSValidation['caCertificateRefs'][number],
  named: NamedObjectSource,
  grants: Grants,
): FoundAuthorities {
  const own = gateway.metadata?.namespace ?? '';
  const { group, kind, name, namespace = own } = reference;
  const refuse = (reason: string, message: string): FoundAuthorities => ({
    verdict: bad(reason, `spec.tls.frontend of the Gateway: ${message}`),
    isPending: false,
  });
  if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret')) {
    return refuse('InvalidCACertificateKind', `${kind} ${name} is neither ConfigMap nor Secret`);
  }
  if (!grants.allow({ fromKind: 'Gateway', fromNamespace: own, group, kind, namespace, name })) {
    return refuse('RefNotPermitted', `no ReferenceGrant in ${namespace} lets Gateways of ${own} use ${kind} ${name}`);
  }
  const found = named.authorities(kind, { namespace, name });
  const why = whyNot(found);
  if (why !== undefined) return refuse('InvalidCACertificateRef', `${kind} ${namespace}/${name} ${why}`);
  return found.kind === 'found' ? { pem: found.value, isPending: false } : { isPending: true };
}

/** What the Gateway shows to backends that ask: `spec.tls.backend`. */
export function backendCertificate(
  gateway: ReadListener['gateway'],
  named: NamedObjectSource,
  grants: Grants,
): { readonly certificate?: Certificate; readonly refs: Verdict; readonly isPending: boolean } {
  const reference = gateway.spec.tls?.backend?.clientCertificateRef;
  if (reference === undefined) return { refs: good('ResolvedRefs'), isPending: false };
  const namespace = gateway.metadata?.namespace ?? '';
  const owner = { kind: 'Gateway' as const, namespace, name: gateway.metadata?.name ?? '', object: gateway };
  const found = certificateOf({ owner }, reference, 'spec.tls.backend.clientCertificateRef', named, grants);
  const { facts, verdict, isPending } = found;
  if (facts !== undefined) {
    const certificate = { serverName: facts.names[0] ?? '*', id: facts.id, pem: facts.pem };
    return { certificate, refs: good('ResolvedRefs'), isPending };
  }
  if (verdict === undefined) return { refs: good('ResolvedRefs'), isPending };
  const reason = verdict.reason === 'RefNotPermitted' ? verdict.reason : 'InvalidClientCertificateRef';
  return { refs: bad(reason, verdict.message), isPending };
}
