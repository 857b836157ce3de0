/**
 * Which nodes nobody hears of: meanwhile nothing is promised of any pod.
 *
 * From when a node is Unknown until whoever watches over it has taken its taint away again: until then it may still mark pods there as not
 * ready, and loops may still hold that none belong there, though the node itself has said that it is back. Both are in order for each node, so
 * that without the taint nothing of that is on its way any more.
 */
import type { Node } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';

const unreachable = 'node.kubernetes.io/unreachable';

export class SilentNodes {
  readonly #names = new Set<string>();

  get any(): boolean {
    return this.#names.size > 0;
  }

  /** Whether the change is of a node; it is then part of what stands. */
  follow({ type, entry }: StoreEvent): boolean {
    const { collection, name } = entry.key;
    if (collection !== 'nodes') return false;
    if (type !== 'deleted' && isSilent(entry.object)) this.#names.add(name);
    else this.#names.delete(name);
    return true;
  }
}

const isSilent = ({ spec, status }: Node): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'Unknown') === true ||
  spec?.taints?.some(({ key }) => key === unreachable) === true;
