/** The names of those who write fields: in a request's options, and in `metadata.managedFields`. */
import { invalidValue, tooLong } from '../../api/field-error.ts';
import type { FieldError } from '../../api/status-error.ts';

export const fieldManagerBytesMax = 128;
/** What Go's `unicode.IsPrint` holds for printable: no control, and no space but the plain one. */
export const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
/** Nearly all are so, and need no second look. */
const plain = /^[\x20-\x7e]{0,128}$/;

export function fieldManagerErrors(path: string, name: string): FieldError[] {
  if (plain.test(name)) return [];
  // Each error below tells the whole name once more.
  if (Buffer.byteLength(name) > fieldManagerBytesMax) return [tooLong(path, fieldManagerBytesMax)];
  const errors: FieldError[] = [];
  let position = 0;
  for (const character of name) {
    if (unprintable.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalidValue(path, name, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}
