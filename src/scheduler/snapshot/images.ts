/** Which images lie on how many nodes, and how large they are. */
import type { Node } from '../../api/schema/types/core-v1.ts';

/** Sizes in bytes, by every name that an image has. */
export type NodeImages = ReadonlyMap<string, number>;

const none: NodeImages = new Map();
const read = new WeakMap<object, NodeImages>();

/** Read once for each list that a node reports. */
export function imagesOf({ status }: Node): NodeImages {
  const list = status?.images;
  if (list === undefined || list.length === 0) return none;
  let images = read.get(list);
  if (images === undefined) {
    images = new Map(list.flatMap(({ names = [], sizeBytes = 0 }) => names.map((name) => [name, sizeBytes] as const)));
    read.set(list, images);
  }
  return images;
}

export class ImageTable {
  readonly #nodes = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#nodes.size === 0;
  }

  /** How many nodes have the image of this name. */
  nodesWith(name: string): number {
    return this.#nodes.get(name) ?? 0;
  }

  replace(before: NodeImages | undefined, after: NodeImages | undefined): void {
    if (before === after) return;
    for (const name of before?.keys() ?? []) {
      const left = this.nodesWith(name) - 1;
      if (left > 0) this.#nodes.set(name, left);
      else this.#nodes.delete(name);
    }
    for (const name of after?.keys() ?? []) this.#nodes.set(name, this.nodesWith(name) + 1);
  }
}
