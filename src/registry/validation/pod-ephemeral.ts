/** `pods/ephemeralcontainers`: containers for looking into the others can be added, and never changed or taken away. */
import { forbiddenField, goQuote } from '../../api/field-error.ts';
import type { EphemeralContainer, Pod } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { difference } from './persistent-volume.ts';
import { validateWholePod } from './pod.ts';
import { mirrorAnnotation } from './pod-annotations.ts';

export function validateEphemeralUpdate(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined) {
    return [forbiddenField('[]', 'static pods do not support ephemeral containers')];
  }
  const byName = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  const before = old.spec?.ephemeralContainers ?? [];
  return [
    ...validateWholePod(pod, old),
    ...before.flatMap((container) => stays(container, byName.get(container.name))),
  ];
}

function stays(before: EphemeralContainer, now: EphemeralContainer | undefined): FieldError[] {
  const path = 'spec.ephemeralContainers';
  const name = goQuote(before.name);
  if (now === undefined) return [forbiddenField(path, `existing ephemeral containers ${name} may not be removed\n`)];
  if (sameJson(now, before)) return [];
  const detail = `existing ephemeral containers ${name} may not be changed\n${difference(before, now)}`;
  return [forbiddenField(path, detail)];
}
