/** The order in which `naru --help` shows the commands: as somebody meets them, from the first machine on. Data; a command that stands here in no group comes under "More". */
import type { Command } from 'commander';

const groups: Readonly<Record<string, readonly string[]>> = {
  'Start:': ['up', 'down', 'status', 'token', 'join'],
  'Applications:': [
    'apply',
    'diff',
    'delete',
    'create',
    'scale',
    'rollout',
    'set',
    'edit',
    'label',
    'annotate',
    'build',
    'compose',
    'kustomize',
  ],
  'Look:': ['get', 'describe', 'logs', 'events', 'top', 'why', 'doctor', 'wait'],
  'Inside containers:': ['exec', 'attach', 'cp', 'port-forward'],
  'Cluster:': [
    'node',
    'kubeconfig',
    'backup',
    'restore',
    'upgrade',
    'release',
    'api-resources',
    'api-versions',
    'secrets-encrypt',
    'token-key',
  ],
  'Machine:': ['image', 'server', 'agent', 'uninstall'],
};
const rest = 'More:';

/** Called when all commands are there. */
export function arrangeHelp(program: Command): void {
  const places = new Map(
    Object.entries(groups).flatMap(([group, names], index) =>
      names.map((name, place) => [name, { group, rank: index * 100 + place }] as const),
    ),
  );
  const rankOf = (command: Command): number => places.get(command.name())?.rank ?? Number.MAX_SAFE_INTEGER;
  // Groups come in the order of their first command.
  (program.commands as Command[]).sort((a, b) => rankOf(a) - rankOf(b));
  for (const command of program.commands) command.helpGroup(places.get(command.name())?.group ?? rest);
  program.commandsGroup(rest);
  program.helpCommand('help [command]', 'say what a command does, with examples');
  pointToHelp(program, []);
}

/** After wrong usage: where the command's own options stand. */
function pointToHelp(command: Command, above: readonly string[]): void {
  const words = [...above, command.name()];
  command.showHelpAfterError(`(see ${words.join(' ')} --help)`);
  for (const each of command.commands) pointToHelp(each, words);
}
