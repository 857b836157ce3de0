/**
 * `.env` and `env_file`: `NAME=value` lines with quotes, comments, `export`, escapes and values over several lines, as the Compose
 * specification describes them. Texts that are not in single quotes may name variables: those of the shell, and those further up.
 */
import { ManifestError } from '../../manifests/source-object.ts';
import { interpolate, type Variables } from './interpolate.ts';

/** A name without a value: it is taken from the surroundings, and is absent where they have none. */
export type EnvFile = Readonly<Record<string, string | undefined>>;

const assignment = /^(?:export\s+)?([^\s=:#'"][^\s=:]*)\s*(?:[=:]\s*(.*))?$/s;

/** @throws ManifestError with the line */
export function readEnvFile(text: string, file: string, { values, unset }: Variables): EnvFile {
  const found: Record<string, string | undefined> = {};
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]?.trim() ?? '';
    if (line === '' || line.startsWith('#')) continue;
    const where = `${file}:${index + 1}`;
    const match = assignment.exec(line.replace(/^export\s+/, ''));
    if (match === null)
      // What stands there may be a part of a secret.
      throw new ManifestError(`${where}: a line must be NAME=value, and this one is not`);
    const [, name = '', raw] = match;
    // What stands after a plain name is no value of it.
    if (raw === undefined) {
      found[name.split('#')[0] ?? name] = values[name];
      continue;
    }
    // What is said of a name further up counts only where the shell says nothing.
    const variables = { unset, values: { ...found, ...defined(values) } };
    const [value, more] = valueOf(raw, lines.slice(index + 1), variables, where);
    found[name] = value;
    index += more;
  }
  return found;
}

/** `format: raw`: everything after the sign is the value. */
export function readRawEnvFile(text: string): EnvFile {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const sign = line.indexOf('=');
      return sign < 0 ? [line.trim(), undefined] : [line.slice(0, sign).trim(), line.slice(sign + 1)];
    }),
  );
}

const defined = (values: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** The value, and how many further lines belong to it. */
function valueOf(raw: string, following: readonly string[], variables: Variables, where: string): [string, number] {
  const quote = raw[0];
  if (quote !== '"' && quote !== "'") return [interpolate(withoutComment(raw), variables, where), 0];
  const whole = [raw, ...following].join('\n');
  const end = closingQuote(whole, quote);
  if (end < 0) throw new ManifestError(`${where}: the value that begins with ${quote} does not end`);
  const inner = whole.slice(1, end);
  const more = inner.split('\n').length - 1;
  if (quote === "'") return [inner.replaceAll("\\'", "'"), more];
  return [interpolate(unescaped(inner), variables, where), more];
}

function closingQuote(text: string, quote: string): number {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

const withoutComment = (raw: string): string => raw.replace(/(^|\s)#.*$/, '').trimEnd();

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$$' };

const unescaped = (text: string): string => text.replace(/\\([nrt"\\$])/g, (_, each: string) => escapes[each] ?? each);
