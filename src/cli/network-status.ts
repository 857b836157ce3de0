/** What `naru status` says of the network, in a line or two. Pure. */
import type { Node } from '../api/schema/types/core-v1.ts';
import { entryAddresses } from '../network/entry-nodes.ts';
import type { PartState } from '../network/part-states.ts';

/** @param parts of this machine; undefined: it runs none */
export function networkLines(parts: readonly PartState[] | undefined, nodes: readonly Node[]): readonly string[] {
  if (parts === undefined) return [];
  const failing = parts.filter(({ problem }) => problem !== undefined);
  const entries = entryAddresses(nodes).join(', ');
  return [
    failing.length === 0
      ? `network: all ${parts.length} parts run`
      : `network: ${failing.length} of ${parts.length} parts do not run`,
    ...failing.map(({ name, problem }) => `  ${name}: ${problem}`),
    entries === '' ? 'users come in by no node: none is Ready and open to them' : `users come in by ${entries}`,
  ];
}
