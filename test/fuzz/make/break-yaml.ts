/** A good object → YAML that is broken: anchors that multiply, tags, several documents, tabs, merges. */
import { stringifyYaml } from '../../../src/api/yaml.ts';
import { brokenJson, flipped, spliced } from './break-json.ts';
import type { Chance, Weighted } from './chance.ts';
import { nastyKey, nastyText } from './nasty.ts';

/** Nine aliases of the one before, `depth` times. */
function laughs(depth: number): string {
  const levels = Array.from({ length: depth }, (_, level) => {
    const body = level === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ');
    return `a${level}: &a${level} [${body}]`;
  });
  return `${levels.join('\n')}\n`;
}

const additions: Weighted<(chance: Chance) => string> = [
  [4, (chance) => laughs(chance.pick([3, 5, 9, 30]))],
  [4, (chance) => `${chance.pick(['a', 'metadata', 'data'])}: &x {b: *x}\n`],
  [4, () => 'x: &x {a: 1}\ny: {<<: *x, <<: [*x, *x]}\n'],
  [2, () => '<<: 1\n'],
  [2, () => '<<: [[{}]]\n'],
  [4, (chance) => `t: ${chance.pick(['!!binary', '!!js/function', '!!set', '!x', '!<tag:yaml.org,2002:map>'])} abc\n`],
  [
    2,
    (chance) =>
      `t: !!${chance.pick(['int', 'float', 'bool', 'null', 'timestamp', 'str'])} ${nastyText(chance).slice(0, 50)}\n`,
  ],
  [3, () => '---\nkind: Pod\n...\n---\n'],
  [3, () => '\tkey: value\n'],
  [3, (chance) => `? ${chance.pick(['[a, b]', '{a: b}', 'null', '1.5', '2024-01-01', '|\n  x'])}\n: 1\n`],
  [3, (chance) => `${JSON.stringify(nastyKey(chance))}: {}\n`],
  [2, (chance) => `- ${nastyText(chance).slice(0, 80)}\n`],
  [2, (chance) => `a: ${'['.repeat(chance.pick([10, 255, 257, 5_000]))}\n`],
  [2, (chance) => `${'- '.repeat(chance.pick([10, 255, 257, 5_000]))}x\n`],
  [1, (chance) => Array.from({ length: chance.pick([10, 300]) }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
  [2, (chance) => `a: "${chance.pick(['\\x', '\\u12', '\\ud800', '\\', '\\0'])}\n`],
  [2, (chance) => `a: ${chance.pick(['|', '>', '|9', '>-+', '|0', '*', '&', '@', '`', '%'])}\n x\n`],
  [1, () => '%YAML 9.9\n%TAG ! tag:x,1:\n---\n'],
];

/** The whole, turned into bytes. */
const wholes: Weighted<(chance: Chance, text: string) => Buffer> = [
  [50, (_chance, text) => Buffer.from(text)],
  [8, (chance, text) => flipped(chance, Buffer.from(text))],
  [8, (chance, text) => spliced(chance, Buffer.from(text))],
  [6, (chance, text) => Buffer.from(text.slice(0, chance.int(text.length + 1)))],
  [2, (_chance, text) => Buffer.from(`\ufeff${text}`)],
  [2, (_chance, text) => Buffer.from(text.replaceAll('\n', '\r\n'))],
  [2, (_chance, text) => Buffer.from(text.replaceAll('  ', '\t'))],
  [1, (_chance, text) => Buffer.from(text, 'utf16le')],
];

export function brokenYaml(chance: Chance, object: object): Buffer {
  if (chance.percent(25)) return Buffer.from(brokenJson(chance, object, 1 + chance.int(3)));
  const text = stringifyYaml(object);
  if (chance.percent(15)) return Buffer.from(text);
  const lines = text.split('\n');
  if (chance.percent(70)) {
    const addition = chance.weighted(additions)(chance);
    const at = chance.pick([0, lines.length - 1, chance.int(lines.length)]);
    lines.splice(at, 0, addition.replace(/\n$/, ''));
  }
  return chance.weighted(wholes)(chance, lines.join('\n'));
}
