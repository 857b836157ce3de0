/**
 * Field selectors: `metadata.name=web,status.phase!=Running` (upstream's grammar and error texts).
 */
import { badRequest } from '../status-error.ts';
import { checkSelectorLength, compare } from './requirement.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** From a `fieldSelector` parameter. In values, `\` escapes `,`, `=` and itself. @throws StatusError BadRequest */
export function parseFieldSelector(text: string): FieldRequirement[] {
  checkSelectorLength(text);
  return splitTerms(text)
    .sort(compare)
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, text));
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === ',') {
      terms.push(text.slice(start, index));
      start = index + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function parseTerm(term: string, selector: string): FieldRequirement {
  const match = /!=|==|=/.exec(term);
  if (match === null) throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
  const field = term.slice(0, match.index);
  const value = unescapeValue(term.slice(match.index + match[0].length));
  return { field, operator: match[0] === '!=' ? '!=' : '=', value };
}

function unescapeValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let value = '';
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (character === ',' || character === '=') {
      throw badRequest(`invalid field selector: unescaped character in value: ${character.charCodeAt(0)}`);
    }
    if (character !== '\\') {
      value += character;
      continue;
    }
    const escaped = text[++index] ?? '';
    if (escaped === '' || !'\\,='.includes(escaped)) {
      throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`);
    }
    value += escaped;
  }
  return value;
}

/** The value for a field selector's text, with its special characters escaped. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => `\\${character}`);
}

/** `metadata.name=NAME` in a field selector narrows a list or watch to one object, for permission too. */
export function nameInFieldSelector(fieldSelector: string | undefined): string {
  const match = /(?:^|,)metadata\.name==?([^,=!\\/%]+)(?:,|$)/.exec(fieldSelector ?? '');
  return match?.[1] ?? '';
}
