import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as names from './names.ts';

type Check = (text: string) => string[];

const good: readonly (readonly [Check, readonly string[]])[] = [
  [names.isDns1123Label, ['a', '0', 'a-b', '123-abc', 'a'.repeat(63)]],
  [names.isDns1123Subdomain, ['a', 'a.b', 'example.com', '1.2', `${'a'.repeat(250)}.b`]],
  [names.isDns1123SubdomainWithUnderscore, ['_tcp.a_b', 'a']],
  [names.isDns1035Label, ['a', 'a-1']],
  [names.isWildcardDns1123Subdomain, ['*.a', '*.a.b']],
  [names.isQualifiedName, ['a', 'A_b.c-1', 'example.com/Name', '1/2']],
  [names.isLabelValue, ['', 'a', 'A_b.c-1']],
  [names.isCIdentifier, ['_a1', 'A']],
  [names.isEnvVarName, ['A', '-a.b', '_', '.a']],
  [names.isRelaxedEnvVarName, ['a b', '1:2', '~']],
  [names.isConfigMapKey, ['a', '.a', 'A_b-c', '1']],
  [names.isPortName, ['http', 'a-1', '1a']],
  [names.isPercent, ['1%', '100%']],
  [names.isHttpHeaderName, ['X-A', '1']],
  [names.isPathSegmentName, ['a b', 'system:node', '']],
];

const bad: readonly (readonly [Check, readonly string[]])[] = [
  [names.isDns1123Label, ['', '-a', 'a-', 'A', 'a_b', 'a\n', 'ä', 'a'.repeat(64)]],
  [names.isDns1123Subdomain, ['', '.a', 'a.', 'a..b', 'a.-b', 'A', 'a'.repeat(254)]],
  [names.isDns1123SubdomainWithUnderscore, ['__a', 'a_', 'a.']],
  [names.isDns1035Label, ['1a', 'a.b', '']],
  [names.isWildcardDns1123Subdomain, ['*', '*.', '*.*.a', 'a.b', '*a.b']],
  [names.isQualifiedName, ['', '/a', 'a/', 'a/b/c', 'A.com/x', '-a', 'a'.repeat(64), 'a\n']],
  [names.isLabelValue, ['-', 'a/b', 'a'.repeat(64), ' ']],
  [names.isCIdentifier, ['1a', '', 'a-b']],
  [names.isEnvVarName, ['1a', '', 'a=b', '..', '..a', '.']],
  [names.isRelaxedEnvVarName, ['', 'a=b', 'a\n', 'ä']],
  [names.isConfigMapKey, ['', 'a/b', '.', '..', '..a']],
  [names.isPortName, ['', '80', 'A', 'a--b', '-a', 'a-', 'a'.repeat(16)]],
  [names.isPercent, ['1', '%', '-1%']],
  [names.isHttpHeaderName, ['a b', '']],
  [names.isPathSegmentName, ['.', '..', 'a/b', 'a%b']],
];

for (const [check, texts] of good) {
  test(`${check.name} accepts what upstream accepts`, () => {
    for (const text of texts) assert.deepEqual(check(text), [], JSON.stringify(text));
  });
}
for (const [check, texts] of bad) {
  test(`${check.name} refuses what upstream refuses`, () => {
    for (const text of texts) assert.notDeepEqual(check(text), [], JSON.stringify(text));
  });
}

test('messages have upstream’s form', () => {
  assert.deepEqual(names.isDns1123Label('A'), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(names.isDns1123Label('a'.repeat(64)), ['must be no more than 63 characters']);
  assert.deepEqual(names.isDns1123Label('a.b'), ['must not contain dots']);
  assert.deepEqual(names.isLabelValue('a'.repeat(64)), ['must be no more than 63 bytes']);
  assert.deepEqual(names.isDns1123Subdomain('A'), [
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ]);
  assert.deepEqual(names.isPortNumber(0), ['must be between 1 and 65535, inclusive']);
  assert.deepEqual(names.isQualifiedName(''), [
    'name part must be non-empty',
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  ]);
});

test('every check is linear in a hostile text', () => {
  const texts = [
    `${'a-'.repeat(150_000)}!`,
    `${'a.'.repeat(150_000)}!`,
    `${'a'.repeat(300_000)}-`,
    'a/'.repeat(150_000),
  ];
  for (const [check] of good) for (const text of texts) check(text);
});
