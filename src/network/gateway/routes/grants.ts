/** ReferenceGrants: who may refer to what in another namespace. Within a namespace nobody needs one. */
import type { ReferenceGrant } from '../../../api/schema/types/gateway-v1.ts';
import { gatewayGroup } from './objects.ts';

export interface Reference {
  /** The kind of the Gateway API that refers. */
  readonly fromKind: string;
  readonly fromNamespace: string;
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export class Grants {
  readonly #byNamespace: ReadonlyMap<string, readonly ReferenceGrant[]>;

  constructor(grants: readonly ReferenceGrant[]) {
    this.#byNamespace = Map.groupBy(grants, ({ metadata }) => metadata?.namespace ?? '');
  }

  allow(reference: Reference): boolean {
    if (reference.fromNamespace === reference.namespace) return true;
    return (this.#byNamespace.get(reference.namespace) ?? []).some(({ spec }) => isGranted(spec, reference));
  }
}

function isGranted({ from, to }: ReferenceGrant['spec'], reference: Reference): boolean {
  const isFrom = from.some(
    ({ group, kind, namespace }) =>
      group === gatewayGroup && kind === reference.fromKind && namespace === reference.fromNamespace,
  );
  return (
    isFrom &&
    to.some(
      ({ group, kind, name }) =>
        group === reference.group && kind === reference.kind && (!name || name === reference.name),
    )
  );
}
