/**
 * The PROXY protocol to servers: a Service says by an annotation that what stands behind it wants a header with the client's address before all bytes, as a
 * second machine to which TLS is passed through. Pure.
 *
 * ```yaml
 * metadata: {annotations: {naru.io/proxy-protocol: v2}}    # or v1, which is text
 * ```
 * Kept true: a value that is not known leads nowhere. A server that waits for a header, or for none, would take the first bytes for something else.
 */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { Backend } from './plan.ts';

const annotation = 'naru.io/proxy-protocol';

export type WantedProxy =
  | { readonly sendProxy?: NonNullable<Backend['sendProxy']> }
  /** A sentence without the object. */
  | { readonly problem: string };

export function wantedProxy({ metadata }: Service): WantedProxy {
  const value = metadata?.annotations?.[annotation];
  if (value === undefined) return {};
  if (value === 'v1' || value === 'v2') return { sendProxy: value };
  return { problem: `the annotation ${annotation} of Service ${metadata?.name ?? ''} must be "v1" or "v2"` };
}
