/**
 * BackendTLSPolicies: which Services are spoken to by TLS, and how their certificates are checked. Pure.
 *
 * A policy for a port of a Service goes before one for the whole of it; of two for the same, the older counts, and the other is told.
 */
import type { BackendTLSPolicy } from '../../../api/schema/types/gateway-v1.ts';
import type { Backend } from '../plan.ts';
import type { NamedObjectSource } from '../translator.ts';
import { whyNot } from './certificates.ts';
import { bad, good, oldestFirst, type Verdict } from './objects.ts';

export interface ReadPolicy {
  readonly policy: BackendTLSPolicy;
  readonly accepted: Verdict;
  readonly refs: Verdict;
  readonly isPending: boolean;
  /** Absent where it cannot be carried out: then nobody is spoken to. */
  readonly tls?: NonNullable<Backend['tls']>;
}

export class Policies {
  readonly all: readonly ReadPolicy[];
  readonly #byTarget = new Map<string, ReadPolicy>();

  constructor(policies: readonly BackendTLSPolicy[], named: NamedObjectSource) {
    this.all = oldestFirst(policies).map((policy) => this.#read(policy, named));
  }

  /** The one that holds for a port of a Service, by the port's name. */
  find(namespace: string, service: string, portName: string): ReadPolicy | undefined {
    const whole = this.#byTarget.get(`${namespace}/${service}/`);
    return this.#byTarget.get(`${namespace}/${service}/${portName}`) ?? whole;
  }

  #read(policy: BackendTLSPolicy, named: NamedObjectSource): ReadPolicy {
    const namespace = policy.metadata?.namespace ?? '';
    const keys = policy.spec.targetRefs
      .filter(({ group, kind }) => group === '' && kind === 'Service')
      .map(({ name, sectionName = '' }) => `${namespace}/${name}/${sectionName}`);
    const taken = keys.find((key) => this.#byTarget.has(key));
    const read = readPolicy(policy, named);
    if (keys.length > 0 && keys.every((key) => this.#byTarget.has(key))) {
      const other = this.#byTarget.get(taken ?? '')?.policy.metadata?.name;
      return { ...read, accepted: bad('Conflicted', `the older BackendTLSPolicy ${other} is for the same targets`) };
    }
    for (const key of keys) if (!this.#byTarget.has(key)) this.#byTarget.set(key, read);
    return read;
  }
}

function readPolicy(policy: BackendTLSPolicy, named: NamedObjectSource): ReadPolicy {
  const { hostname, subjectAltNames = [], wellKnownCACertificates } = policy.spec.validation;
  const uri = subjectAltNames.findIndex(({ type }) => type === 'URI');
  if (uri >= 0) {
    const message = `spec.validation.subjectAltNames[${uri}]: names of type URI are not supported, Hostname is`;
    return { policy, accepted: bad('Invalid', message), refs: good('ResolvedRefs'), isPending: false };
  }
  const names = subjectAltNames.flatMap((name) => name.hostname ?? []);
  const verifiedNames = names.length > 0 ? names : [hostname];
  if (wellKnownCACertificates) {
    const tls = { serverName: hostname, authorities: 'system' as const, verifiedNames };
    return { policy, accepted: good('Accepted'), refs: good('ResolvedRefs'), isPending: false, tls };
  }
  const { pem, problem, isPending } = authorities(policy, named);
  if (pem === '') {
    const accepted = isPending ? good('Accepted') : bad('NoValidCACertificate', problem?.message ?? '');
    return { policy, accepted, refs: problem ?? good('ResolvedRefs'), isPending };
  }
  const tls = { serverName: hostname, authorities: pem, verifiedNames };
  return { policy, accepted: good('Accepted'), refs: problem ?? good('ResolvedRefs'), isPending, tls };
}

function authorities(
  { metadata, spec }: BackendTLSPolicy,
  named: NamedObjectSource,
): { pem: string; problem?: Verdict; isPending: boolean } {
  const namespace = metadata?.namespace ?? '';
  const pems: string[] = [];
  let problem: Verdict | undefined;
  let isPending = false;
  for (const [index, { group, kind, name }] of (spec.validation.caCertificateRefs ?? []).entries()) {
    const at = `spec.validation.caCertificateRefs[${index}]`;
    if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret')) {
      problem ??= bad('InvalidKind', `${at}: ${kind} ${name} is neither ConfigMap nor Secret`);
      continue;
    }
    const found = named.authorities(kind, { namespace, name });
    const why = whyNot(found);
    if (why !== undefined) problem ??= bad('InvalidCACertificateRef', `${at}: ${kind} ${name} ${why}`);
    if (found.kind === 'found') pems.push(found.value);
    isPending ||= found.kind === 'pending';
  }
  return { pem: pems.join('\n'), isPending, ...(problem && { problem }) };
}
