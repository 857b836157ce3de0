/** Values that break readers: texts, numbers and JSON that somebody forgot to expect. */
import type { Chance, Weighted } from './chance.ts';

/** Keys that every JavaScript object seems to have. */
export const prototypeKeys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
  '__defineGetter__',
  'isPrototypeOf',
] as const;

const texts: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '-',
  '\u0000',
  'a\u0000b',
  '\ufeffx',
  '\ud800',
  '\udc00x',
  '\u2028',
  'é😀',
  'I\u0307',
  '\u202eabc',
  'A',
  'a'.repeat(63),
  'a'.repeat(64),
  'a'.repeat(254),
  'x'.repeat(5_000),
  'null',
  'true',
  '0',
  '-1',
  '1e999999999',
  '1e-999999999',
  `1${'0'.repeat(400)}`,
  '9'.repeat(3_000),
  '0.0000000000000000000000001',
  '1Ei',
  '9999999999Ei',
  '1h',
  '9999999999999h',
  '1.5%',
  '150%',
  '2006-01-02T15:04:05Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '99999-12-31T23:59:59Z',
  '2024-02-30T25:61:61+99:99',
  '10.0.0.1',
  '256.256.256.256',
  '::1',
  '::ffff:1.2.3.4%eth0',
  '10.0.0.0/33',
  'fd00::/129',
  '((((((((((a+)+)+)+)+)+)+)+)+)+)$',
  '(?=a)*',
  '[',
  '\\',
  '$(X)',
  '{{.}}',
  '%s%n%00',
  '* * * * *',
  '*/0 * * * *',
  '@every 0s',
  'TZ=Nowhere/Else * * * * *',
  'a/b/c',
  'kubernetes.io/x',
  '../../etc/passwd',
  'AAAA',
  '====',
  'default',
];

export function nastyText(chance: Chance): string {
  return chance.percent(12) ? chance.pick(prototypeKeys) : chance.pick(texts);
}

/** As JSON, some of it no JSON at all. */
const numbers: readonly string[] = [
  '0',
  '-0',
  '1',
  '-1',
  '1.0',
  '1.5',
  '1e3',
  '1e-3',
  '2147483647',
  '2147483648',
  '-2147483649',
  '4294967296',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775809',
  '1e400',
  '-1e400',
  '1e-400',
  `1${'0'.repeat(400)}`,
  `0.${'1'.repeat(400)}`,
  '1E+2',
];

const notNumbers: readonly string[] = ['01', '+1', '.5', '1.', '0x10', 'NaN', 'Infinity', '1_000', '--1', '1e'];

/** Controllers make as many pods as they are told to: no more of them than a test can bear. */
const smallCounts: readonly string[] = ['-1', '0', '1', '2', '1.5', '"1"', 'null', '2147483648', '1e400', '[]'];
const counts: ReadonlySet<string> = new Set(['replicas', 'parallelism', 'completions', 'backoffLimit', 'minReplicas']);

/** JSON text of any form; `key` is where it will stand. */
export function nastyJson(chance: Chance, key = ''): string {
  if (counts.has(key)) return chance.pick(smallCounts);
  return chance.weighted(kinds)(chance);
}

const kinds: Weighted<(chance: Chance) => string> = [
  [24, (chance) => JSON.stringify(nastyText(chance))],
  [18, (chance) => chance.pick(numbers)],
  [2, (chance) => chance.pick(notNumbers)],
  [14, (chance) => chance.pick(['null', 'true', 'false', '{}', '[]', '""'])],
  [
    8,
    (chance) => chance.pick(['[null]', '[[]]', '[{}]', '{"":{}}', '[1,"a",{},null]', '{"a":null}', '[{"name":null}]']),
  ],
  [8, (chance) => `{${JSON.stringify(chance.pick(prototypeKeys))}:${nastyJson(chance)}}`],
  [4, (chance) => `[${chance.several(6, () => nastyJson(chance)).join(',')}]`],
  [3, (chance) => nested(chance, chance.pick([20, 255, 256, 257, 1_000]))],
  [
    3,
    (chance) => chance.pick(['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\t"', '"\\x"', '"a', "'a'", 'undefined']),
  ],
  [1, (chance) => JSON.stringify('k'.repeat(chance.pick([100_000, 300_000])))],
];

/** JSON within JSON, so many times. */
export function nested(chance: Chance, depth: number): string {
  const [open, close] = chance.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['{"__proto__":', '}'],
    ['[{"items":', '}]'],
  ] as const);
  return `${open.repeat(depth)}${chance.percent(80) ? '1' : ''}${chance.percent(90) ? close.repeat(depth) : ''}`;
}

export const nastyKey = (chance: Chance): string =>
  chance.percent(60) ? chance.pick(prototypeKeys) : nastyText(chance);
