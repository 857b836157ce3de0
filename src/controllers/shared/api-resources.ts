/** Which resources a loop over everything has to look at: each set of stored objects once, by the version it is stored in. */
import { groupResource, type ResourceInfo, type Verb } from '../../api/resources.ts';

export function storedResources(all: Iterable<ResourceInfo>, verbs: readonly Verb[]): readonly ResourceInfo[] {
  const chosen = new Map<string, ResourceInfo>();
  for (const info of all) {
    if (info.storedAs !== undefined || !verbs.every((verb) => info.verbs.includes(verb))) continue;
    const name = groupResource(info);
    if (!chosen.has(name) || info.version === info.storageVersion) chosen.set(name, info);
  }
  return [...chosen.values()];
}
