/** What a failed call means to a loop. Pure. */
import { hasReason } from '../../api/status-error.ts';

/** Creating in a namespace that is being deleted is refused with this cause: nothing to complain about, nothing to try again. */
export function isNamespaceEnding(error: unknown): boolean {
  return (
    hasReason(error, 'Forbidden') &&
    (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  );
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** For deletions: what is gone already, or was made anew since, needs none. */
export function unlessGone(error: unknown): void {
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
}
