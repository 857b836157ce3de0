/** Every command with its help, as the command line itself prints it. */
import process from 'node:process';
import type { Command } from 'commander';
import { commandLine } from '../../src/cli/command-line.ts';

const widthOfHelp = 120;

export function commandsPage(): string {
  const program = commandTree();
  const commands = visible(program).flatMap((command) => [command, ...visible(command)]);
  const sections = commands.map((command) => `## ${nameOf(command)}\n\n${fenced(helpOf(command))}\n`);
  return `# The command line

What \`naru COMMAND --help\` prints.

${fenced(helpOf(program))}

${sections.join('\n')}`;
}

/** As it is on a machine where nothing was set. */
function commandTree(): Command {
  const before = process.env['NARU_HOME'];
  process.env['NARU_HOME'] = '/var/lib/naru';
  try {
    return commandLine();
  } finally {
    if (before === undefined) delete process.env['NARU_HOME'];
    else process.env['NARU_HOME'] = before;
  }
}

const visible = (command: Command): readonly Command[] => {
  const shown = command.createHelp().visibleCommands(command);
  return command.commands.filter((one) => shown.includes(one) && one.name() !== 'help');
};

function nameOf(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one !== null; one = one.parent) names.unshift(one.name());
  return names.join(' ');
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => widthOfHelp,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}

const fenced = (text: string): string => ['```text', text, '```'].join('\n');
