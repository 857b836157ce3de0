/** `naru create` with its options and help. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Home } from '../../home.ts';
import { withConnection } from '../cluster/connection.ts';

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

const withData = (command: Command): Command =>
  withConnection(command)
    .option('--from-literal <key=value>', 'an entry', several)
    .option('--from-file <[key=]file>', "an entry with a file's content; its key is the file's name, else", several);

export function createCommands(program: Command, home: Home): void {
  const command = program
    .command('create')
    .description('make an object by hand; for all others: a file, and naru apply');
  command.addHelpText(
    'after',
    `
Examples:
  $ naru create namespace shop
  $ naru create job report-now --from=cronjob/report
  $ naru create deployment web --image=nginx --replicas=3
  $ naru create configmap shop --from-literal=TITLE=Shop --from-file=logo.svg
  $ naru create secret generic key --from-file=key=./key.txt`,
  );
  withConnection(command.command('namespace <name>').alias('ns'))
    .description('a namespace')
    .action(async (name, options) => (await import('./create.ts')).createNamespace(home, name, options));
  withConnection(command.command('job <name> [command...]'))
    .description('a job: a CronJob’s now, or one of an image')
    .option('--from <cronjob/name>', 'as this CronJob makes them')
    .option('--image <image>', 'a program of this image, once')
    .action(async (name, words, options) => (await import('./create.ts')).createJob(home, name, words, options));
  withConnection(command.command('deployment <name> [command...]').alias('deploy'))
    .description('a deployment of one image')
    .requiredOption('--image <image>', 'which image')
    .option('-r, --replicas <count>', 'how many pods (default: 1)', count)
    .option('--port <number>', 'at which it listens', count)
    .action(async (name, words, options) => (await import('./create.ts')).createDeployment(home, name, words, options));
  withData(command.command('configmap <name>').alias('cm'))
    .description('a ConfigMap')
    .action(async (name, options) => (await import('./create.ts')).createConfigMap(home, name, options));
  const secret = command.command('secret').description('a Secret');
  withData(secret.command('generic <name>'))
    .description('a Secret of these entries')
    .option('--type <type>', 'what it is for (default: Opaque)')
    .action(async (name, options) => (await import('./create.ts')).createSecret(home, name, options));
}
