/** The annotations of ExternalDNS on objects, and what an object asks for by them. Pure. */
import type { KubeObject } from '../../api/object.ts';
import type { Resource } from '../../client/client.ts';
import { nameOf, namespaceOf } from '../../controllers/shared/context.ts';
import { plainName } from './records.ts';

const prefix = 'external-dns.alpha.kubernetes.io/';

export type AnnotationName =
  | 'access'
  | 'controller'
  | 'endpoints-type'
  | 'gateway-hostname-source'
  | 'hostname'
  | 'ingress-hostname-source'
  | 'internal-hostname'
  | 'target'
  | 'ttl';

export const annotation = ({ metadata }: KubeObject, name: AnnotationName): string | undefined =>
  metadata?.annotations?.[`${prefix}${name}`];

/** Between commas; spaces and last dots are left out. */
export function listed(object: KubeObject, name: AnnotationName): readonly string[] {
  return (annotation(object, name) ?? '')
    .split(',')
    .map(plainName)
    .filter((one) => one !== '');
}

/** Whether another program was told to look after it. */
export const isForOthers = (object: KubeObject): boolean =>
  (annotation(object, 'controller') ?? 'dns-controller') !== 'dns-controller';

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Seconds, or a time as Go writes it (`1h30m`). Undefined: not said, or 0. `bad`: neither. */
export function ttlOf(object: KubeObject): number | 'bad' | undefined {
  const text = annotation(object, 'ttl')?.trim() ?? '';
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)];
  const isDuration = parts.length > 0 && parts.map(([part]) => part).join('') === text;
  const seconds = isDuration
    ? Math.floor(
        parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit as string] as number), 0),
      )
    : Number(text);
  if (text === '' || seconds === 0) return undefined;
  return Number.isInteger(seconds) && seconds > 0 && seconds <= 2_147_483_647 ? seconds : 'bad';
}

/** Who asks for names. */
export interface Asker {
  readonly resource: Resource<KubeObject>;
  readonly object: KubeObject;
}

/** `ingress/default/app`, as TXT records name it. */
export const askerText = ({ resource, object }: Asker): string =>
  `${resource.kind.toLowerCase()}/${namespaceOf(object)}/${nameOf(object)}`;

/** A name, and what it should lead to. */
export interface Wish {
  readonly name: string;
  /** Addresses and names. None: they are not known now, and what the name has it keeps. */
  readonly targets: readonly string[];
  readonly asker: Asker;
}

/** Of each of the names, the same; targets of the annotation go before those of the object. `waits`: it will have some, where it has none now. */
export function wishes(names: Iterable<string>, asker: Asker, own: readonly string[], waits: boolean): readonly Wish[] {
  const said = listed(asker.object, 'target');
  const targets = said.length > 0 ? said : own;
  if (targets.length === 0 && !waits) return [];
  return [...new Set(names)].map((name) => ({ name: plainName(name), targets, asker }));
}
