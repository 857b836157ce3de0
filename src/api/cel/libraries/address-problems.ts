/** What is wrong with a text that is no IP address, in the words of Go's `netip.ParseAddr`. Asked only of such texts. */
import { goQuote } from '../../field-error.ts';

export function addressProblem(text: string): string {
  const separator = /[.:%]/.exec(text)?.[0];
  const { what, at } = problem(text, separator);
  return `ParseAddr(${goQuote(text)}): ${what}${at === undefined ? '' : ` (at ${goQuote(at)})`}`;
}

interface Problem {
  readonly what: string;
  /** Where it was found: the rest of the text. */
  readonly at?: string;
}

function problem(text: string, separator: string | undefined): Problem {
  if (separator === '.') return ofIpv4(text);
  if (separator === ':') return ofIpv6(text);
  return { what: separator === '%' ? 'missing IPv6 address' : 'unable to parse IP' };
}

function ofIpv4(text: string): Problem {
  let [fields, value, digits] = [0, 0, 0];
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if (character >= '0' && character <= '9') {
      if (digits === 1 && value === 0) return { what: 'IPv4 field has octet with leading zero' };
      value = value * 10 + Number(character);
      digits++;
      if (value > 255) return { what: 'IPv4 field has value >255' };
    } else if (character === '.') {
      if (index === 0 || index === text.length - 1 || text[index - 1] === '.') {
        return { what: 'IPv4 field must have at least one digit', at: text.slice(index) };
      }
      if (fields === 3) return { what: 'IPv4 address too long' };
      fields++;
      [value, digits] = [0, 0];
    } else return { what: 'unexpected character', at: text.slice(index) };
  }
  return { what: 'IPv4 address too short' };
}

const garbage: Problem = { what: 'trailing garbage after address' };

/** Sixteen bits at a time, as they come; `::` once. */
function ofIpv6(text: string): Problem {
  const percent = text.indexOf('%');
  if (percent === text.length - 1) return { what: 'zone must be a non-empty string', at: text };
  let rest = percent < 0 ? text : text.slice(0, percent);
  let hasGap = rest.startsWith('::');
  if (hasGap) rest = rest.slice(2);
  if (hasGap && rest === '') return { what: 'unable to parse IP' };
  let fields = 0;
  while (fields < 8) {
    const digits = /^[0-9A-Fa-f]*/.exec(rest)?.[0] ?? '';
    if (digits.length > 4) return { what: 'each group must have 4 or less digits', at: rest };
    if (digits === '') return { what: 'each colon-separated field must have at least one digit', at: rest };
    const behind = rest.slice(digits.length);
    if (behind.startsWith('.')) return embedded(rest, fields, hasGap);
    fields++;
    rest = behind;
    if (rest === '') break;
    if (!rest.startsWith(':')) return { what: 'unexpected character, want colon', at: rest };
    if (rest === ':') return { what: 'colon must be followed by more characters', at: rest };
    rest = rest.slice(1);
    if (!rest.startsWith(':')) continue;
    if (hasGap) return { what: 'multiple :: in address', at: rest };
    hasGap = true;
    rest = rest.slice(1);
    if (rest === '') break;
  }
  if (rest !== '') return { ...garbage, at: rest };
  return { what: hasGap ? 'the :: must expand to at least one field of zeros' : 'address string too short' };
}

function embedded(rest: string, fields: number, hasGap: boolean): Problem {
  if (!hasGap && fields !== 6) {
    return { what: 'embedded IPv4 address must replace the final 2 fields of the address', at: rest };
  }
  if (fields + 2 > 8)
    return { what: 'too many hex fields to fit an embedded IPv4 at the end of the address', at: rest };
  return ofIpv4(rest);
}
