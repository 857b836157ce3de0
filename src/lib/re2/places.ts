/** What stands on both sides of a place in a text, as far as assertions ask. */
import type { Assertion } from './syntax.ts';

/** `edge`: the text begins or ends here. */
export type Side = 'edge' | 'break' | 'word' | 'other';

export function sideOf(code: number): Side {
  if (code === 0x0a) return 'break';
  const isWord = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39);
  return isWord || code === 0x5f ? 'word' : 'other';
}

export function holds(assertion: Assertion, before: Side, after: Side): boolean {
  switch (assertion) {
    case 'begin text':
      return before === 'edge';
    case 'end text':
      return after === 'edge';
    case 'begin line':
      return before === 'edge' || before === 'break';
    case 'end line':
      return after === 'edge' || after === 'break';
    case 'word boundary':
      return (before === 'word') !== (after === 'word');
    case 'no word boundary':
      return (before === 'word') === (after === 'word');
  }
}
