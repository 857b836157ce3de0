/**
 * Which Secrets are to be made and kept new by ACME, for which names, and when. Pure.
 *
 * An Ingress asks by `naru.io/acme: "true"` (or `kubernetes.io/tls-acme: "true"`, as charts write it) for the Secrets of its `spec.tls`; a Gateway asks so
 * for the Secrets of its listeners with a host name.
 */
import { isDns1123Subdomain } from '../../../api/names.ts';
import type { KubeObject, ObjectReference } from '../../../api/object.ts';
import type { Gateway } from '../../../api/schema/types/gateway-v1.ts';
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import type { CertificateFacts, Found } from '../translator.ts';

const annotations = ['naru.io/acme', 'kubernetes.io/tls-acme'];

/** On a Secret: it is ours to renew; its value names the directory it came from. */
export const issuerAnnotation = 'naru.io/acme-issuer';

export interface Wanted {
  readonly secret: ObjectReference;
  /** In order, each once. */
  readonly names: readonly string[];
  /** Names that cannot be proved on port 80. */
  readonly impossible: readonly string[];
  readonly by: readonly Asker[];
}

export type Asker =
  | { readonly kind: 'Ingress'; readonly object: Ingress }
  | { readonly kind: 'Gateway'; readonly object: Gateway };

const namesMax = 100;

export const asksForAcme = ({ metadata }: KubeObject): boolean =>
  annotations.some((key) => metadata?.annotations?.[key]?.trim().toLowerCase() === 'true');

/** By `namespace/name` of the Secret. Several that name one Secret have it made for all of their names. */
export function wantedCertificates(
  ingresses: readonly Ingress[],
  gateways: readonly Gateway[],
): ReadonlyMap<string, Wanted> {
  const all = new Map<
    string,
    { readonly secret: ObjectReference; readonly names: Set<string>; readonly by: Set<Asker> }
  >();
  const note = (by: Asker, secretName: string | undefined, hosts: readonly string[]): void => {
    const namespace = by.object.metadata?.namespace ?? '';
    if (!secretName || hosts.length === 0) return;
    const key = `${namespace}/${secretName}`;
    const one = all.get(key) ?? { secret: { namespace, name: secretName }, names: new Set(), by: new Set() };
    all.set(key, one);
    one.by.add(by);
    for (const host of hosts) one.names.add(host.toLowerCase());
  };
  for (const ingress of ingresses.filter(asksForAcme)) {
    const by = { kind: 'Ingress', object: ingress } as const;
    for (const { hosts = [], secretName } of ingress.spec?.tls ?? []) note(by, secretName, hosts);
  }
  for (const gateway of gateways.filter(asksForAcme)) {
    const by = { kind: 'Gateway', object: gateway } as const;
    for (const { hostname, tls } of gateway.spec.listeners) {
      const [first] = tls?.certificateRefs ?? [];
      const isOwn = first !== undefined && !first.group && (first.kind ?? 'Secret') === 'Secret';
      const isHere = first?.namespace === undefined || first.namespace === gateway.metadata?.namespace;
      if (isOwn && isHere && hostname) note(by, first.name, [hostname]);
    }
  }
  return new Map([...all].map(([key, { secret, names, by }]) => [key, wanted(secret, [...names].sort(), [...by])]));
}

function wanted(secret: ObjectReference, names: readonly string[], by: readonly Asker[]): Wanted {
  const isPossible = (name: string): boolean => isDns1123Subdomain(name).length === 0 && name.includes('.');
  return {
    secret,
    names: names.filter(isPossible).slice(0, namesMax),
    impossible: names.filter((name) => !isPossible(name)),
    by,
  };
}

export type Decision =
  | { readonly kind: 'issue'; readonly why: string }
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** Somebody else's. */
  | { readonly kind: 'leave'; readonly why: string };

const renewBeforeMsMax = 30 * 24 * 60 * 60_000;

/** Thirty days before the end, or when a third of its life is left. */
export function renewalMs({ notBeforeMs, notAfterMs }: CertificateFacts): number {
  return notAfterMs - Math.min(renewBeforeMsMax, (notAfterMs - notBeforeMs) / 3);
}

export interface KnownSecret {
  readonly isOurs: boolean;
  readonly certificate: Found<CertificateFacts>;
  readonly issuer: string;
}

export function decideCertificate(
  { names }: Pick<Wanted, 'names'>,
  secret: KnownSecret | undefined,
  directory: string,
  nowMs: number,
): Decision {
  if (secret === undefined) return { kind: 'issue', why: 'there is none yet' };
  if (!secret.isOurs) return { kind: 'leave', why: 'the Secret was not made by ACME here: delete it to have one made' };
  if (secret.certificate.kind !== 'found') return { kind: 'issue', why: 'the one in the Secret cannot be used' };
  const { value } = secret.certificate;
  if (secret.issuer !== directory) return { kind: 'issue', why: 'it is of another authority' };
  const missing = names.filter((name) => !value.names.includes(name));
  if (missing.length > 0) return { kind: 'issue', why: `it is not for ${missing.join(', ')}` };
  const atMs = renewalMs(value);
  return nowMs >= atMs ? { kind: 'issue', why: 'it ends soon' } : { kind: 'wait', untilMs: atMs };
}

const failureMsMin = 5 * 60_000;
const failureMsMax = 12 * 60 * 60_000;

/** How long to leave the authority alone after so many failures in a row. */
export function pauseAfter(failures: number, retryAfterMs: number | undefined): number {
  const own = Math.min(failureMsMin * 2 ** Math.min(failures - 1, 16), failureMsMax);
  return Math.max(own, retryAfterMs ?? 0);
}
