/**
 * The order of keys in lists, which is that of `namespace/name` as one text, by code unit: etcd's, and so what clients have always
 * seen. It is not quite "by namespace, then name": `-` comes before `/`, and so all of `team-a` before all of `team`.
 */

export interface OrderedKey {
  readonly namespace: string;
  readonly name: string;
}

/** For `sort`: negative where `left` comes first. */
export function compareNamespaces(left: string, right: string): number {
  if (left === right) return 0;
  return `${left}/` < `${right}/` ? -1 : 1;
}

export function comesBefore(left: OrderedKey, right: OrderedKey): boolean {
  if (left.namespace !== right.namespace) return compareNamespaces(left.namespace, right.namespace) < 0;
  return left.name < right.name;
}
