/** The commands that change and delete objects, with their options and help. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Home } from '../../home.ts';
import { withConnection } from '../cluster/connection.ts';
import { parseDuration } from '../machine/duration-option.ts';

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** An option that may come several times: each adds. */
const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Which objects, where they are not named. */
const withSelection = (command: Command): Command =>
  withConnection(command)
    .option('-l, --selector <labels>', 'those with these labels')
    .option('--field-selector <fields>', 'those with these fields: status.phase=Failed')
    .option('--all', 'all of the type')
    .option('-A, --all-namespaces', 'in all namespaces');

const timeout = [
  '--timeout <time>',
  'wait no longer: 30s, 5m (default: for ever)',
  (text: string) => parseDuration('--timeout', text),
] as const;

export function changeCommands(program: Command, home: Home): void {
  deleteCommand(program, home);
  scaleCommand(program, home);
  rolloutCommands(program, home);
  setCommands(program, home);
  markCommands(program, home);
  editCommand(program, home);
}

function deleteCommand(program: Command, home: Home): void {
  withSelection(program.command('delete'))
    .description('delete objects, and wait until they are gone')
    .argument('[object...]', 'TYPE/NAME, TYPE NAME, or TYPE with -l or --all')
    .option('-f, --filename <file>', 'what this file or folder names; - for standard input', several)
    .option('-R, --recursive', 'with -f FOLDER: folders within it, too')
    .option('-k, --kustomize <folder>', 'what this kustomization names')
    .option('--grace-period <seconds>', 'how long programs may take to end', count)
    .option('--now', 'the same as --grace-period 1')
    .option('--force', 'do not wait for programs to end: for nodes that will not come back')
    .option('--no-wait', 'do not wait until they are gone')
    .option(...timeout)
    .addOption(
      new Option('--cascade <how>', 'what becomes of dependents: deleted after it, deleted before it, or left')
        .choices(['background', 'foreground', 'orphan'])
        .default('background'),
    )
    .option('--ignore-not-found', 'what is not there is no error')
    .addOption(new Option('-o, --output <format>', 'print names, for programs').choices(['name']))
    .addHelpText(
      'after',
      `
What takes long is named, with what holds it. Ctrl-C ends the waiting, not the deletion.

Examples:
  $ naru delete deploy/web svc/web
  $ naru delete pods -l app=web
  $ naru delete -f shop/
  $ naru delete namespace old --timeout 2m`,
    )
    .action(async (words, options) => (await import('./delete.ts')).remove(home, words, options));
}

function scaleCommand(program: Command, home: Home): void {
  withSelection(program.command('scale'))
    .description('say how many pods a workload has')
    .argument('<object...>', 'TYPE/NAME, TYPE NAME, or TYPE with -l or --all')
    .requiredOption('--replicas <count>', 'how many there are to be', count)
    .option('--current-replicas <count>', 'only where there are so many now', count)
    .addHelpText(
      'after',
      `
Examples:
  $ naru scale deploy/web --replicas 3
  $ naru scale sts db cache --replicas 0
  $ naru scale deploy/web --current-replicas 2 --replicas 4`,
    )
    .action(async (words, options) => (await import('./scale.ts')).scale(home, words, options));
}

function rolloutCommands(program: Command, home: Home): void {
  const rollout = program
    .command('rollout')
    .description('how a change of a workload comes along, and what can be done about it');
  const sub = (name: string, description: string): Command =>
    withSelection(rollout.command(name))
      .description(description)
      .argument('<object...>', 'deploy/web, sts/db, ds/agent, or TYPE with -l or --all');
  sub('status', 'wait until a change is everywhere, and say how it comes along')
    .option('--no-watch', 'only say how it is now')
    .option('--revision <number>', 'fail where another revision is rolled out by now', count)
    .option(...timeout)
    .addHelpText('after', '\nExamples:\n  $ naru rollout status deploy/web --timeout 5m')
    .action(async (words, options) => (await import('./rollout.ts')).rolloutStatus(home, words, options));
  sub('history', 'list the revisions, or show one')
    .option('--revision <number>', 'show the pods that this one had', count)
    .addHelpText('after', '\nExamples:\n  $ naru rollout history deploy/web --revision 2')
    .action(async (words, options) => (await import('./rollout.ts')).rolloutHistory(home, words, options));
  sub('undo', 'go back to an earlier revision')
    .option('--to-revision <number>', 'to which (default: the last but one)', count)
    .addHelpText('after', '\nExamples:\n  $ naru rollout undo deploy/web\n  $ naru rollout undo sts/db --to-revision 3')
    .action(async (words, options) => (await import('./rollout.ts')).rolloutUndo(home, words, options));
  sub('restart', 'replace all pods, as a change would')
    .addHelpText(
      'after',
      '\nExamples:\n  $ naru rollout restart deploy/web\n  $ naru rollout restart deploy -l app=shop',
    )
    .action(async (words, options) => (await import('./rollout.ts')).rolloutRestart(home, words, options));
  sub('pause', 'let further changes of a Deployment wait')
    .addHelpText('after', '\nExamples:\n  $ naru rollout pause deploy/web')
    .action(async (words, options) => (await import('./rollout.ts')).rolloutPause(home, words, options));
  sub('resume', 'roll out what has waited')
    .addHelpText('after', '\nExamples:\n  $ naru rollout resume deploy/web')
    .action(async (words, options) => (await import('./rollout.ts')).rolloutResume(home, words, options));
}

function setCommands(program: Command, home: Home): void {
  const set = program.command('set').description('change one thing of a workload');
  withSelection(set.command('image'))
    .description("give other images to a workload's containers")
    .argument('<word...>', 'TYPE/NAME, then CONTAINER=IMAGE; *=IMAGE for all containers')
    .addHelpText(
      'after',
      `
Examples:
  $ naru set image deploy/web app=example/web:2
  $ naru set image deploy/web deploy/worker '*=example/shop:2'`,
    )
    .action(async (words, options) => (await import('./set-image.ts')).setImage(home, words, options));
}

function markCommands(program: Command, home: Home): void {
  const marks = [
    ['label', 'labels', 'what objects are found by'],
    ['annotate', 'annotations', 'notes on objects, for people and programs'],
  ] as const;
  for (const [name, kind, what] of marks) {
    withSelection(program.command(name))
      .description(`set and remove ${kind}: ${what}`)
      .argument('<word...>', 'TYPE/NAME or TYPE NAME, then KEY=VALUE to set, KEY- to remove')
      .option('--overwrite', 'also where there is another value')
      .option('--list', `print the ${kind}`)
      .addHelpText(
        'after',
        `
Examples:
  $ naru ${name} pod/web-0 tier=front
  $ naru ${name} pods -l app=web tier=back --overwrite
  $ naru ${name} node one-node tier-`,
      )
      .action(async (words, options) => (await import('./marks.ts')).mark(home, kind, words, options));
  }
}

function editCommand(program: Command, home: Home): void {
  withConnection(program.command('edit'))
    .description('change an object in your editor ($KUBE_EDITOR, $VISUAL, $EDITOR, else vi)')
    .argument('<object...>', 'TYPE/NAME or TYPE NAME')
    .addHelpText('after', '\nExamples:\n  $ naru edit deploy/web\n  $ EDITOR=nano naru edit svc/web')
    .action(async (words, options) => (await import('./edit.ts')).edit(home, words, options));
}
