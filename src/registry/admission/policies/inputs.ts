/** What expressions are told of a request, as values: made when first read, and once, however many expressions read them. */
import { namespaceType, requestType } from '../../../api/cel/admission-types.ts';
import type { JsonObject, KubeObject } from '../../../api/object.ts';
import { celValue } from '../../../lib/cel/json-values.ts';
import type { CelType } from '../../../lib/cel/types.ts';
import type { CelValue } from '../../../lib/cel/values.ts';
import type { AdmissionAttributes, GroupVersionResource } from '../attributes.ts';

export type Inputs = Readonly<Record<string, () => CelValue>>;

const dyn: CelType = { kind: 'dyn' };

/** `object`, `oldObject`, `request`; the attributes are in the version that the policy asked for. */
export function requestInputs(attributes: AdmissionAttributes, resource: GroupVersionResource): Inputs {
  return {
    object: once(() => objectValue(attributes.object)),
    oldObject: once(() => objectValue(attributes.oldObject)),
    request: once(() => celValue(requestType, requestOf(attributes, resource))),
  };
}

/** `null` where there is none. */
export function objectValue(object: KubeObject | undefined): CelValue {
  return object === undefined ? null : celValue(dyn, object);
}

export function namespaceValue(namespace: KubeObject | undefined): CelValue {
  return namespace === undefined ? null : celValue(namespaceType, namespace);
}

export function once(make: () => CelValue): () => CelValue {
  let known: CelValue | undefined;
  return () => (known ??= make());
}

/** As an AdmissionRequest is written: what is empty, and may be, is absent. */
function requestOf(attributes: AdmissionAttributes, resource: GroupVersionResource): JsonObject {
  const { kind, requestKind, requestResource, operation, dryRun, options, name, namespace, user } = attributes;
  const { subresource, requestSubResource } = attributes;
  return {
    kind: { ...kind },
    resource: { ...resource },
    ...(subresource !== '' && { subResource: subresource }),
    requestKind: { ...requestKind },
    requestResource: { ...requestResource },
    ...(requestSubResource !== '' && { requestSubResource }),
    ...(name !== '' && { name }),
    ...(namespace !== '' && { namespace }),
    operation,
    userInfo: {
      ...(user.name !== '' && { username: user.name }),
      ...(user.uid && { uid: user.uid }),
      ...(user.groups.length > 0 && { groups: [...user.groups] }),
      ...(user.extra && Object.keys(user.extra).length > 0 && { extra: user.extra as unknown as JsonObject }),
    },
    dryRun,
    ...(options && { options }),
  };
}
