/** What every start of every command costs: the command line's own page must not load what only some commands need. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { commandLine } from './command-line.ts';

const program = `
  const { commandLine } = await import(process.argv[1]);
  commandLine();
  console.log(JSON.stringify(process.moduleLoadList));
`;

const visible = (command: Command): readonly Command[] => command.createHelp().visibleCommands(command);

describe('the command line', () => {
  test('loads nothing of TLS, HTTP/2, hashes, SQLite or threads before a command runs', () => {
    const file = path.join(import.meta.dirname, 'command-line.ts');
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program, file], { encoding: 'utf8' });
    const loaded = (JSON.parse(output) as string[]).map((line) => line.replace('NativeModule ', ''));
    assert.deepEqual(
      ['http2', 'https', 'tls', 'crypto', 'sqlite', 'readline'].filter((name) => loaded.includes(name)),
      [],
    );
    assert.ok(loaded.includes('fs'));
  });

  test('describes every command, and each stands in a group of the help', () => {
    const all = (command: Command): readonly Command[] => visible(command).flatMap((each) => [each, ...all(each)]);
    const silent = all(commandLine()).filter((command) => command.description() === '');
    assert.deepEqual(
      silent.map((command) => command.name()),
      [],
    );
    const help = commandLine().helpInformation();
    const headings = [...help.matchAll(/^([A-Z][\w ]*:)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(headings.slice(0, 4), ['Options:', 'Start:', 'Applications:', 'Look:']);
    assert.ok(!headings.includes('Commands:'));
  });

  test('no two commands have one name, and no command two options of one name', () => {
    const check = (command: Command): void => {
      const names = command.commands.flatMap((each) => [each.name(), ...each.aliases()]);
      assert.deepEqual(names, [...new Set(names)]);
      const flags = command.options.flatMap(({ short, long }) => [short, long]).filter((flag) => flag !== undefined);
      assert.deepEqual(flags, [...new Set(flags)], command.name());
      command.commands.forEach(check);
    };
    check(commandLine());
  });
});
