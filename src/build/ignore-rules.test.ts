import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoreRules } from './ignore-rules.ts';

test('patterns of .dockerignore hold as Docker documents them', () => {
  for (const [text, out, stays] of [
    ['# comment\n\n', [], ['# comment', 'a']],
    ['*/temp*', ['somedir/temporary.txt', 'somedir/temp'], ['temp', 'a/b/temp']],
    ['*/*/temp*', ['a/b/temporary.txt'], ['a/temp']],
    ['temp?', ['tempa', 'tempb'], ['temp', 'tempab']],
    ['**/*.go', ['main.go', 'a/b/main.go'], ['main.goo']],
    ['*.md\n!README.md', ['x.md'], ['README.md', 'a/x.md']],
    ['*.md\n!README*.md\nREADME-secret.md', ['x.md', 'README-secret.md'], ['README.md', 'README-public.md']],
    ['/dist/\n./out', ['dist', 'dist/a/b', 'out/x'], ['src/dist', 'distant']],
    ['node_modules\n!node_modules/kept', ['node_modules', 'node_modules/a'], ['node_modules/kept/x']],
    ['a/../b', ['b', 'b/c'], ['a']],
    ['[a-c].txt\n\\*.txt', ['a.txt', '*.txt'], ['d.txt', 'x.txt']],
    ['docs/**', ['docs/a/b'], ['docs', 'docss/a']],
    ['**/x', ['x', 'a/b/x', 'a/x/y'], ['ax']],
    ['(a+)+$', ['(a+)+$'], ['aaaa']],
  ] as const) {
    const rules = ignoreRules(text);
    for (const path of out) assert.equal(rules(path), true, `${JSON.stringify(text)} leaves ${path} out`);
    for (const path of stays) assert.equal(rules(path), false, `${JSON.stringify(text)} lets ${path} in`);
  }
});

test('of several texts the later ones decide', () => {
  const rules = ignoreRules('**/.env', '!config/.env');
  assert.deepEqual([rules('.env'), rules('config/.env')], [true, false]);
});
