import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkedRegex, escapedRegex, groupCount } from './regex.ts';

describe('Regular expressions', () => {
  for (const good of [
    '/a(/|$)(.*)',
    '[a-z0-9_.-]+',
    '(?i)x|y',
    '(?P<name>a)',
    '(?:a|b){2,3}?',
    '\\d+\\.\\w*',
    '[\\]\\[^]',
    '^/v[0-9]+$',
    'a]b',
    '\\x41',
    '',
  ]) {
    test(`${good} is taken`, () => assert.equal(checkedRegex(good), good));
  }
  const bad: readonly (readonly [string, RegExp])[] = [
    ['a(?=b)', /of \(\? only groups/],
    ['(?<!a)b', /of \(\? only groups/],
    ['(a)\\1', /\\1 is not known/],
    ['(a', /a \( is not closed/],
    ['a)', /there is no \( for the \)/],
    ['[a', /a \[ is not closed/],
    ['[z-a]', /ends before it begins/],
    ['a**', /repeated again/],
    ['a++', /repeated again/],
    ['*a', /nothing that \* could repeat/],
    ['a{3,2}', /smaller than the first/],
    ['a{9999}', /more than 1000 times/],
    ['a{x}', /\{ takes one or two numbers/],
    ['(*UTF)a', /\(\* is not known/],
    ['\\Ka', /\\K is not known/],
    ['\\Qa', /\\Q is not known/],
    ['a\\', /ends with/],
    ['a\nb', /control characters/],
    ['('.repeat(30) + ')'.repeat(30), /nests more than/],
    ['a'.repeat(1001), /more than 1000 characters/],
  ];
  for (const [text, why] of bad) {
    test(`${JSON.stringify(text.slice(0, 20))} is refused`, () => assert.throws(() => checkedRegex(text), why));
  }
  test('text that is escaped matches itself alone', () => {
    const text = '/a.b*c+(d)[e]{f}|^$?\\-';
    assert.match(text, new RegExp(`^${checkedRegex(escapedRegex(text))}$`));
  });
  test('groups are counted as they catch', () => assert.equal(groupCount('(a)(?:b)(?P<n>c)\\([(](d)'), 3));
});
