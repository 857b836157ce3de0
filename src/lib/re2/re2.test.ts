import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RegexError, regex } from '../cel/regex.ts';

/** Matches somewhere in each of the first, in none of the others. */
const matches: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['', ['', 'x'], []],
  ['abc', ['abc', 'xabcx'], ['ab', 'acb', '']],
  ['^abc$', ['abc'], ['xabc', 'abcx', 'abc\n', '']],
  ['a|bc', ['a', 'bc'], ['b', 'c']],
  ['^(a|b)*c?$', ['', 'abab', 'abc', 'c'], ['cc', 'ca']],
  ['^a{2,3}$', ['aa', 'aaa'], ['a', 'aaaa']],
  ['^a{2,}$', ['aa', 'aaaaa'], ['a', '']],
  ['^a{0}$', [''], ['a']],
  ['^a{,2}$', ['a{,2}'], ['aa', 'a']],
  ['^a{x}$', ['a{x}'], ['a']],
  ['^a{01}$', ['a{01}'], ['a']],
  ['^.$', ['x', '\r', '\u2028', '😀', 'é'], ['', 'xx', '\n']],
  ['(?s)^.$', ['\n'], ['']],
  ['^[^a]$', ['b', '\n', '😀'], ['a', '']],
  ['^[]a]+$', [']a'], ['b']],
  ['^[a-c-]+$', ['a-c'], ['d']],
  ['^[a\\-c]+$', ['a-c'], ['b']],
  ['^[\\d_]+$', ['1_'], ['a', '٣']],
  ['^\\w+$', ['aZ_9'], ['é', '-']],
  ['^\\s+$', [' \t\n\r\f'], ['\v', '\u00a0', '']],
  ['^\\D\\W\\S$', ['a-b'], ['1-b', 'aab']],
  ['^[[:alpha:]][[:^digit:]]$', ['ax', 'a-'], ['a1', '1x']],
  ['^\\p{Lu}\\pL\\P{L}$', ['Äß1', 'Ab '], ['äb1', 'ABC']],
  ['^\\p{Greek}+$', ['αβγ'], ['abc']],
  ['^[^\\p{Greek}]+$', ['abc'], ['α']],
  ['^\\p{Co}$', ['\ue000', '\u{f0000}'], ['a']],
  ['^\\PC$', ['a', 'é'], ['\0', '\ue000']],
  ['(?i)^straSSe$', ['STRASSE', 'strasse', 'ſtrasse'], ['straße']],
  ['(?i)^[k-l]$', ['K', 'k', '\u212a', 'L'], ['j', 'm']],
  ['(?i)^ω$', ['ω', 'Ω', '\u2126'], ['o']],
  ['^(?i:a)b$', ['Ab', 'ab'], ['AB', 'aB']],
  ['^a(?i)b(?-i)c$', ['aBc'], ['ABc', 'aBC']],
  ['(?m)^b$', ['a\nb\nc'], ['a b c']],
  ['\\Ab\\z', ['b'], ['a\nb']],
  ['\\bfoo\\b', ['a foo b', 'foo', '-foo-'], ['afoo', 'foo1', 'foo_']],
  ['\\Boo', ['foo', '-oo'.replace('-', 'x')], ['oo', ' oo']],
  ['^\\Qa.b\\E+$', ['a.b', 'a.bb'], ['axb']],
  ['^\\Q', [''], []],
  ['^\\x41\\x{1F600}\\101\\0\\n\\t\\a$', ['A😀A\0\n\t\x07'], ['A']],
  ['^\\.\\*\\_\\-$', ['.*_-'], ['xxxx']],
  ['^(?P<a>x)(?<b>y)$', ['xy'], ['x']],
  ['^(|a)+$', ['', 'aaa'], ['b']],
  ['^(a*)*$', ['', 'aaa'], ['b']],
  ['^(?:a?){10}a{10}$', ['a'.repeat(10), 'a'.repeat(20)], ['a'.repeat(9), 'a'.repeat(21)]],
  ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', ['example.com', 'a'], ['-a', 'a.', 'A', '']],
];

for (const [pattern, yes, no] of matches) {
  test(`the expression ${JSON.stringify(pattern)}`, () => {
    const expression = regex(pattern);
    for (const text of yes) equal(expression.test(text), true, `matches ${JSON.stringify(text)}`);
    for (const text of no) equal(expression.test(text), false, `does not match ${JSON.stringify(text)}`);
    // Asked again, it says the same.
    for (const text of yes) equal(expression.test(text), true);
    for (const text of [...yes, ...no]) equal(expression.findAll(text, 1).length > 0, yes.includes(text));
  });
}

/** As Go's compiler says it. */
const refused: Readonly<Record<string, string>> = {
  '(': 'missing closing ): `(`',
  'a(b|c': 'missing closing ): `a(b|c`',
  'a)': 'unexpected ): `a)`',
  '[a': 'missing closing ]: `[a`',
  'x[]': 'missing closing ]: `[]`',
  '[z-a]': 'invalid character class range: `z-a`',
  '[[:foo:]]': 'invalid character class range: `[:foo:]`',
  '\\p{Foo}': 'invalid character class range: `\\p{Foo}`',
  '*a': 'missing argument to repetition operator: `*`',
  '(+)': 'missing argument to repetition operator: `+`',
  'a|*': 'missing argument to repetition operator: `*`',
  'a**': 'invalid nested repetition operator: `**`',
  'a++': 'invalid nested repetition operator: `++`',
  'a{2}{3}': 'invalid nested repetition operator: `{2}{3}`',
  'a{1001}': 'invalid repeat count: `{1001}`',
  'a{2,1}': 'invalid repeat count: `{2,1}`',
  '((a{100}){10}){2}': 'invalid repeat count: `{2}`',
  '(?=a)': 'invalid or unsupported Perl syntax: `(?=`',
  '(?!a)': 'invalid or unsupported Perl syntax: `(?!`',
  '(?<=a)': 'invalid named capture: `(?<=a)`',
  '(?P<a-b>c)': 'invalid named capture: `(?P<a-b>`',
  '(?i': 'missing closing ): `(?i`',
  '(?i-)': 'invalid or unsupported Perl syntax: `(?i-)`',
  '(a)\\1': 'invalid escape sequence: `\\1`',
  '\\8': 'invalid escape sequence: `\\8`',
  '\\y': 'invalid escape sequence: `\\y`',
  '\\x{110000}': 'invalid escape sequence: `\\x{110000}`',
  'a\\': 'trailing backslash at end of expression: ``',
};

for (const [pattern, problem] of Object.entries(refused)) {
  test(`${JSON.stringify(pattern)} is no expression`, () => {
    throws(() => regex(pattern), { name: 'RegexError', message: `error parsing regexp: ${problem}` });
  });
}

const found: readonly (readonly [pattern: string, text: string, matches: readonly string[]])[] = [
  ['a+', 'baaac a', ['aaa', 'a']],
  ['a*', 'baaac', ['', 'aaa', '']],
  ['a|ab', 'abab', ['a', 'a']],
  ['ab|a', 'abab', ['ab', 'ab']],
  ['(a|ab)(c|bcd)', 'abcd', ['abcd']],
  ['a+?', 'aaa', ['a', 'a', 'a']],
  ['a{2,3}?', 'aaaaa', ['aa', 'aa']],
  ['(?U)a+', 'aa', ['a', 'a']],
  ['', 'ab', ['', '', '']],
  ['[[:alpha:]]+', 'ab1cd', ['ab', 'cd']],
  ['.', '😀é', ['😀', 'é']],
  ['(?m)^.*$', 'one\ntwo', ['one', 'two']],
  ['\\b', 'ab c', ['', '', '', '']],
];

for (const [pattern, text, all] of found) {
  test(`all of ${JSON.stringify(pattern)} in ${JSON.stringify(text)}`, () => {
    deepEqual(regex(pattern).findAll(text, 100), all);
    deepEqual(regex(pattern).findAll(text, 1), all.slice(0, 1));
    deepEqual(regex(pattern).findAll(text, 0), []);
    deepEqual(regex(pattern).findAll(text, -1), all);
  });
}

const piece = fc.constantFrom(
  'a',
  'b',
  'c',
  '.',
  '[ab]',
  '[^a]',
  '(a|bc)',
  '(?:ab)',
  '\\w',
  '\\d',
  '^',
  '$',
  '\\b',
  'a|b',
  '(b|)',
);
const operator = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '*?', '+?');
const patterns = fc
  .array(fc.tuple(piece, operator), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.map(([part, count]) => (/^[\^$|]|\|.$|^\\b$/.test(part) ? part : part + count)).join(''));
const texts = fc
  .array(fc.constantFrom('a', 'b', 'c', '1', ' ', '-'), { maxLength: 10 })
  .map((letters) => letters.join(''));

test('where both languages mean the same, it answers as JavaScript’s', () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const other = new RegExp(pattern, 'u');
      equal(regex(pattern).test(text), other.test(text));
      deepEqual(regex(pattern).findAll(text, 1), other.exec(text)?.slice(0, 1) ?? []);
    }),
    { numRuns: 3_000 },
  );
});

test('expressions that JavaScript would never end with end', () => {
  const text = `${'a'.repeat(100_000)}!`;
  for (const pattern of ['(a+)+$', '^(a|a)*$', '(a|aa)+$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.*)(.*)(.*)(.*)[^a!]$']) {
    equal(regex(pattern).test(text), false);
  }
});

test('an expression of which every character makes a new state stays within its bounds', () => {
  const expression = regex('(a|b)*a(a|b){200}c');
  const text = Array.from({ length: 20_000 }, (_, index) => ((index * index * 7919) % 11 < 5 ? 'a' : 'b')).join('');
  equal(expression.test(text), false);
});

test('what would cost too much is given up, and the next text is tried anew', () => {
  const expression = regex('(.?){1000}[xy](.?){1000}z');
  throws(() => expression.findAll('a'.repeat(100_000), 1), RegexError);
  ok(expression.test('xz'));
});

test('an expression that would be too large is none', () => {
  throws(() => regex('(a{1000}b{1000}c{1000}){1}'.repeat(7)), /expression too large/);
});

test('one that nests a thousand levels is read, a deeper one refused', () => {
  ok(regex(`${'('.repeat(1_000)}a${')'.repeat(1_000)}`).test('a'));
  throws(() => regex(`${'('.repeat(1_001)}a${')'.repeat(1_001)}`), /nests too deeply/);
  throws(() => regex('('.repeat(16_000)), /nests too deeply/);
});

test('an expression that is costly to read is refused before it is', () => {
  const costly = [
    'a'.repeat(3_000_000),
    `(?i)${'\\pL'.repeat(5_000)}`,
    '[^\\pL]'.repeat(2_000),
    '(?:){1000}'.repeat(5_000),
  ];
  for (const pattern of costly) throws(() => regex(pattern), /expression too large/);
  // The same class over and over is one.
  ok(regex(`^(?i)[${'\\pL'.repeat(5_000)}]+$`).test('Äé'));
});

test('a text that leads to more states than may be kept is walked through without any, with the same answer', () => {
  // Whether an `a` stands 14 characters before the end: 16,384 states.
  const expression = regex('^(?:a|b)*a[ab]{13}$');
  const letters = Array.from({ length: 20_000 }, (_, index) => ((index * index * 7919) % 11 < 5 ? 'a' : 'b'));
  for (let cut = 0; cut < 50; cut++) {
    const text = letters.slice(0, 20_000 - cut).join('');
    equal(expression.test(text), text.at(-14) === 'a');
    equal(expression.test(`${text}😀`), false);
  }
  ok(regex('(?:a|b)*a[ab]{13}\\b😀').test(`${letters.join('').replace(/.{14}$/, 'a'.repeat(14))}😀`));
});

test('what one text may cost is bounded, whatever the expression', () => {
  throws(() => regex('(a|b)*a(a|b){300}$').test('ab'.repeat(3).concat('aab'.repeat(100_000))), RegexError);
  throws(() => regex('(\\pL|\\pN|[^\\pL]){900}x').findAll('漢a'.repeat(10_000), -1), RegexError);
});
