/** A pod as a controller makes it from its template. Pure. */
import type { KubeObject } from '../../api/object.ts';
import type { Pod, PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import { nameOf, namespaceOf } from './context.ts';
import { controllerReference } from './ownership.ts';

/** Controlled by `owner`; the server completes its name. */
export function podFromTemplate<O extends KubeObject>(resource: Resource<O>, owner: O, template: PodTemplateSpec): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      namespace: namespaceOf(owner),
      generateName: `${nameOf(owner)}-`,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(resource, owner)],
    },
    ...(template.spec && { spec: template.spec }),
  };
}
