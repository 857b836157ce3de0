/** Labels of Compose are free text, as annotations are; Kubernetes' labels would not take them. */
import type { Pairs } from '../model.ts';
import { isQualifiedName } from './names.ts';
import type { Translation } from './translation.ts';

/** Undefined: none. */
export function annotationsOf(
  pairs: Pairs | undefined,
  place: string,
  translation: Translation,
): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(pairs ?? {})) {
    if (isQualifiedName(name)) found[name] = value;
    else translation.note(place, `${JSON.stringify(name)} is not carried over: no annotation may have this name`);
  }
  if (Object.keys(found).some((name) => name.startsWith('traefik.'))) {
    translation.note(place, 'labels for Traefik do nothing here: an Ingress says which host and path reach a service');
  }
  return Object.keys(found).length === 0 ? undefined : found;
}
