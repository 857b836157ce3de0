import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commandLine } from '../../command-line.ts';
import { isOneWord } from './complete.ts';
import { decideCompletion } from './decide.ts';

const decide = (...words: string[]) => decideCompletion(commandLine(), words);

function wordsAt(...words: string[]): string[] {
  const { wanted, current } = decide(...words);
  assert.equal(wanted.kind, 'words');
  return wanted.kind === 'words'
    ? wanted.candidates.map(({ word }) => word).filter((word) => word.startsWith(current))
    : [];
}

describe('completion', () => {
  test('knows the commands, and those within commands, but not the hidden ones', () => {
    assert.deepEqual(wordsAt('desc'), ['describe']);
    assert.deepEqual(wordsAt('top', 'no'), ['nodes']);
    assert.deepEqual(wordsAt('__'), []);
  });

  test('knows the options of the command that stands there', () => {
    assert.deepEqual(wordsAt('get', 'pods', '--sort'), ['--sort-by']);
    assert.deepEqual(wordsAt('top', 'pods', '--conta'), ['--containers']);
  });

  test('asks for types first, then for names of the type, or of what stands before a slash', () => {
    assert.deepEqual(decide('get', 'po').wanted, { kind: 'objects' });
    assert.deepEqual(decide('get', '-n', 'x', 'pods', 'w').wanted, { kind: 'names', type: 'pods' });
    assert.deepEqual(decide('get', 'deploy/w').wanted, { kind: 'objects' });
    assert.deepEqual(decide('get', 'deploy/web', 'svc/').wanted, { kind: 'objects' });
    assert.deepEqual(decide('top', 'po', 'w').wanted, { kind: 'names', type: 'pods' });
  });

  test('asks for what an option takes', () => {
    assert.deepEqual(decide('get', 'pods', '-n', '').wanted, { kind: 'names', type: 'namespaces' });
    assert.deepEqual(decide('get', 'pods', '-f', '').wanted, { kind: 'files' });
    assert.deepEqual(wordsAt('get', 'pods', '-o', 'j'), ['json', 'jsonpath=']);
    assert.deepEqual(wordsAt('completion', ''), ['bash', 'zsh', 'fish']);
  });

  test('looks in the cluster and namespace that the words name, and offers no name twice', () => {
    const { connection, used } = decide('get', '--context', 'c', '--namespace=x', 'pods', 'web-1', '');
    assert.deepEqual(connection, { context: 'c', namespace: 'x' });
    assert.deepEqual(used, ['pods', 'web-1']);
  });

  test('offers no name that the shell would take for more than a word', () => {
    for (const name of ['web-1', 'system:node:n1', 'a.b_c']) assert.ok(isOneWord(name), name);
    for (const name of ['a;id', '$(id)', 'a b', 'a\n', 'a\u001b[2J', '`id`', 'a|b', 'a&b', '*', '~', '']) {
      assert.ok(!isOneWord(name), name);
    }
  });

  test('knows nothing behind what is no command', () => {
    assert.deepEqual(decide('completion', 'bash', '').wanted, { kind: 'nothing' });
  });
});
