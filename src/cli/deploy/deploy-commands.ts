/** The commands that bring manifests into a cluster, with their options and help. */
import { type Command, Option } from 'commander';
import type { Home } from '../../home.ts';
import { withConnection } from '../cluster/connection.ts';

const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

const withFiles = (command: Command): Command =>
  command
    .option('-f, --filename <path>', 'a file or folder of manifests (- for standard input)', several)
    .option('-k, --kustomize <folder>', 'a folder with a kustomization.yaml')
    .option('-R, --recursive', 'folders within folders, too');

export function deployCommands(program: Command, home: Home): void {
  withConnection(withFiles(program.command('apply')))
    .description('make what manifests say: create what is missing, change what differs')
    .addOption(
      new Option('--dry-run [mode]', 'change nothing: the server says what it would do')
        .choices(['none', 'client', 'server'])
        .preset('server'),
    )
    .option('--server-side', 'by server-side apply, as always')
    .option('--force-conflicts', 'take over fields that others have set to other values')
    .option('--application <name>', 'remember these objects under a name, for --prune')
    .option('--take-over', 'with --application: objects of other applications become this one’s')
    .option('--prune', 'with --application: delete what the last apply under this name had and this one has not')
    .option('--wait', 'return when everything is healthy')
    .option('--timeout <time>', 'how long --wait waits (default: 5m)')
    .addHelpText(
      'after',
      `
Examples:
  $ naru apply -f web.yaml                       one file
  $ naru apply -f manifests -R --wait            a folder and all below it, until it is healthy
  $ naru apply -k overlays/production            a kustomization
  $ naru apply -f . --application shop --prune   and delete what the files have no more
  $ helm template mychart | naru apply -f -`,
    )
    .action(async (options) => (await import('./apply.ts')).apply(home, options));
  withConnection(withFiles(program.command('diff')))
    .description('show what apply would change; exit code 1 where it would')
    .addHelpText(
      'after',
      `
Examples:
  $ naru diff -f web.yaml
  $ naru diff -k overlays/production

Secrets are shown as ***.`,
    )
    .action(async (options) => (await import('./diff.ts')).diff(home, options));
  program
    .command('kustomize [folder]')
    .description('print the manifests that a kustomization makes')
    .addHelpText(
      'after',
      `
Examples:
  $ naru kustomize overlays/production
  $ naru kustomize overlays/production > production.yaml`,
    )
    .action(async (folder) => (await import('./kustomize.ts')).kustomize(folder ?? '.'));
}
