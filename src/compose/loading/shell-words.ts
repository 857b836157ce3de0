/** A command as one text, in words as a POSIX shell splits it, without expanding anything. */
import { ManifestError } from '../../manifests/source-object.ts';

/** @throws ManifestError where a quote does not end */
export function splitWords(text: string, where: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    const next = text[at + 1];
    if (quote === "'") {
      if (char === "'") quote = '';
      else word = (word ?? '') + char;
    } else if (char === '\\' && next !== undefined) {
      // In double quotes a backslash protects only what means something there.
      const protects = quote === '' || '"\\$`\n'.includes(next);
      if (next !== '\n') word = (word ?? '') + (protects ? next : char + next);
      at++;
    } else if (char === quote) {
      quote = '';
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== '') throw new ManifestError(`${where}: the quote ${quote} does not end`);
  return word === undefined ? words : [...words, word];
}
