/**
 * An object's metadata with what names its kind, read out of its stored bytes. For those who follow objects whose content is large and none of
 * their business: the garbage collector does not have to hold five hundred schemas.
 */
import type { KubeObject } from '../api/object.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { memberOf } from '../lib/json-span.ts';
import type { Entry } from '../store/store.ts';
import type { ServedResource } from './served-resource.ts';

/** Frozen. @throws UnreadableObject */
export function partialObject({ apiVersion, info }: ServedResource, entry: Entry): KubeObject {
  const metadata = memberOf(entry.json(), 'metadata');
  const parsed = metadata === undefined ? {} : (JSON.parse(metadata.toString()) as NonNullable<KubeObject['metadata']>);
  return deepFreeze({ apiVersion, kind: info.kind, metadata: parsed });
}
