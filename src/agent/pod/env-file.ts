/**
 * Variables out of a file that a program in the pod wrote (`fileKeyRef`), in upstream's strict form. Pure.
 *
 * ```
 * # a comment
 * NAME='value, also
 * of several lines'    # another
 * ```
 * A value stands in single quotes, and nothing in it has a meaning of its own. `NAME= 'x'` is empty, as in a shell.
 */
import { ConfigError } from './config-error.ts';

export const envFileBytesMax = 64 * 1024;
export const envKeyCharsMax = 128;
export const envValueBytesMax = 32 * 1024;

/** Undefined: there is no such variable. @throws ConfigError where what stands before it cannot be read */
export function envFileValue(text: string, key: string): string | undefined {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? '').replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const { name, rest } = nameOf(line, at + 1);
    if (/^[ \t]/.test(rest)) {
      if (name === key) return '';
      continue;
    }
    const value = quoted(lines, at, rest);
    if (name === key) return value.text;
    at = value.endsAt;
  }
  return undefined;
}

function nameOf(line: string, number: number): { readonly name: string; readonly rest: string } {
  const equals = line.indexOf('=');
  if (equals === -1) throw invalid(number, "missing '='");
  const name = line.slice(0, equals);
  if (name.trimEnd() === '') throw invalid(number, 'empty variable name');
  if (/[ \t]$/.test(name)) throw invalid(number, "whitespace before '=' is not allowed");
  return { name, rest: line.slice(equals + 1) };
}

/** @returns the value, and the index of the line where it ends */
function quoted(
  lines: readonly string[],
  from: number,
  rest: string,
): { readonly text: string; readonly endsAt: number } {
  if (!rest.startsWith("'")) throw invalid(from + 1, 'value must be enclosed in single quotes');
  const parts: string[] = [];
  for (let at = from, open = rest.slice(1); ; open = lines[at] ?? '') {
    const close = open.indexOf("'");
    if (close !== -1) {
      if (!/^[ \t]*(#|$)/.test(open.slice(close + 1))) throw invalid(at + 1, 'unexpected content after closing quote');
      return { text: [...parts, open.slice(0, close)].join('\n'), endsAt: at };
    }
    parts.push(open);
    if (++at >= lines.length) {
      throw new ConfigError(`invalid environment variable format starting at line ${from + 1}: unclosed single quote`);
    }
  }
}

function invalid(number: number, why: string): ConfigError {
  return new ConfigError(`invalid environment variable format at line ${number}: ${why}`);
}
