/** Signatures as text (see `declarations.ts`), read into types. */
import type { CelType } from './types.ts';

export interface Signature {
  readonly name: string;
  readonly isMember: boolean;
  /** Of a method, the receiver first. */
  readonly parameters: readonly CelType[];
  readonly result: CelType;
}

const plain: ReadonlySet<string> = new Set([
  'dyn',
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'null',
  'timestamp',
  'duration',
  'type',
]);

/** `opaque` are the names that are types where a method could as well be a function with a dot. @throws Error: it is written wrong */
export function signatureOf(text: string, opaque: ReadonlySet<string>): Signature {
  const match = /^(?:(.+)\.)?([^.()]+)\((.*)\): (.+)$/.exec(text);
  const [, before, name = '', parameters = '', result = ''] = match ?? [];
  if (match === null) throw new Error(`the signature "${text}" is none: name(type, …): type is one`);
  const types = parted(parameters).map(typeOf);
  if (before === undefined) return { name, isMember: false, parameters: types, result: typeOf(result) };
  if (plain.has(before) || opaque.has(before) || /^[A-Z]$|>$/.test(before))
    return { name, isMember: true, parameters: [typeOf(before), ...types], result: typeOf(result) };
  return { name: `${before}.${name}`, isMember: false, parameters: types, result: typeOf(result) };
}

function typeOf(text: string): CelType {
  if (plain.has(text)) return { kind: text as 'dyn' };
  if (/^[A-Z]$/.test(text)) return { kind: 'parameter', name: text };
  const [, outer, inner = ''] = /^(list|map|optional|type)<(.*)>$/.exec(text) ?? [];
  if (outer === undefined) return { kind: 'opaque', name: text };
  const [first = { kind: 'dyn' }, second = { kind: 'dyn' }] = parted(inner).map(typeOf);
  if (outer === 'list') return { kind: 'list', element: first };
  if (outer === 'map') return { kind: 'map', key: first, value: second };
  return outer === 'type' ? { kind: 'type' } : { kind: 'optional', of: first };
}

/** At commas that stand in no brackets. */
function parted(text: string): readonly string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let index = 0; index <= text.length; index++) {
    const character = text[index];
    if (character === '<') depth++;
    else if (character === '>') depth--;
    else if ((character === ',' && depth === 0) || character === undefined) {
      parts.push(text.slice(from, index).trim());
      from = index + 1;
    }
  }
  return parts.filter((part) => part !== '');
}
