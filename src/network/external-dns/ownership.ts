/**
 * Whose a name in a zone is: TXT records beside it, of the same names and with the same texts as ExternalDNS' TXT registry has them, so that each can go on
 * where the other stopped. Pure.
 *
 * ```
 *   app.example.com        A     192.0.2.1
 *   a-app.example.com      TXT   "heritage=external-dns,external-dns/owner=OWNER,external-dns/resource=ingress/default/app"
 * ```
 */
import { isWithin, type WrittenType, writtenTypes } from './records.ts';
import type { ZoneSettings } from './settings.ts';

export interface Ownership {
  readonly owner: string;
  /** `ingress/default/app` */
  readonly resource: string;
}

export const ownershipText = ({ owner, resource }: Ownership): string =>
  `heritage=external-dns,external-dns/owner=${owner},external-dns/resource=${resource}`;

/** Undefined where the text is about something else. Some servers' tools leave quotes around. */
export function parseOwnership(text: string): Ownership | undefined {
  const pairs = new Map(
    text
      .replace(/^"(.*)"$/, '$1')
      .split(',')
      .map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, Math.max(0, at)), pair.slice(at + 1)] as const;
      }),
  );
  if (pairs.get('heritage') !== 'external-dns') return undefined;
  return { owner: pairs.get('external-dns/owner') ?? '', resource: pairs.get('external-dns/resource') ?? '' };
}

export type Naming = Pick<ZoneSettings, 'txtPrefix' | 'zone'>;

const template = '%{record_type}';

function prefixOf({ txtPrefix }: Naming, type: WrittenType): string {
  const lower = type.toLowerCase();
  return txtPrefix.includes(template) ? txtPrefix.replaceAll(template, lower) : `${txtPrefix}${lower}-`;
}

/** The name of the TXT record that says whose `type` of `name` is. Undefined where it cannot be in the zone. */
export function ownershipName(naming: Naming, name: string, type: WrittenType): string | undefined {
  const result = `${prefixOf(naming, type)}${name}`;
  const isShort = result.length <= 253 && result.split('.').every((label) => label.length <= 63);
  return isShort && isWithin(result, naming.zone) ? result : undefined;
}

/** What a TXT record of this name speaks of, if it is such a one. */
export function ownedBy(
  naming: Naming,
  txtName: string,
): { readonly name: string; readonly type: WrittenType } | undefined {
  for (const type of writtenTypes) {
    const prefix = prefixOf(naming, type);
    const name = txtName.slice(prefix.length);
    if (txtName.startsWith(prefix) && isWithin(name, naming.zone)) return { name, type };
  }
  return undefined;
}
