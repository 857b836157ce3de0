/** The commands that look and change nothing, with their options and help. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Home } from '../../home.ts';
import { withCluster, withConnection } from '../cluster/connection.ts';

const wholeNumber = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
};

/** An option that may come several times: each adds. */
const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

const selector = ['-l, --selector <labels>', "only with these labels: app=web,tier!=cache,'env in (a,b)'"] as const;
const everywhere = ['-A, --all-namespaces', 'in all namespaces'] as const;

export function lookCommands(program: Command, home: Home): void {
  withConnection(program.command('get'))
    .description('list objects, or show some: as a table, or as a whole')
    .argument('[object...]', 'pods, pods,svc, deploy/web, pod web-1 web-2, all')
    .option(...everywhere)
    .option(...selector)
    .option('--field-selector <fields>', 'only with these fields: status.phase!=Running')
    .option('-o, --output <format>', 'wide, json, yaml, name, jsonpath=…, custom-columns=…')
    .option('-w, --watch', 'show changes as they come')
    .option('--watch-only', 'only the changes')
    .option('--output-watch-events', 'with -w: say what happened (ADDED, MODIFIED, DELETED)')
    .option('--show-labels', 'with all labels')
    .option('-L, --label-columns <labels>', 'with a column for each of these labels', several)
    .option('--show-kind', 'with the type before each name')
    .option('--sort-by <path>', 'in the order of a field: .metadata.creationTimestamp')
    .option('--no-headers', 'without the line of headers')
    .option('--ignore-not-found', 'what is not there is no error')
    .option('-f, --filename <file>', 'the objects of a manifest (- for standard input)', several)
    .option('--chunk-size <count>', 'how many objects are asked for at a time; 0 for all (default: 500)', wholeNumber)
    .option('--show-managed-fields', 'in documents: who wrote which field')
    .option('--subresource <name>', 'a part of an object: status, scale')
    .option('--raw <path>', 'what the API answers to this path, as it is')
    .addHelpText(
      'after',
      `
Examples:
  $ naru get all                                     what runs in this namespace
  $ naru get pods -A -o wide                         every pod, with its node and address
  $ naru get deploy/web svc/web -o yaml              two objects, whole
  $ naru get pods -l app=web -w                      and how they change
  $ naru get pods --sort-by=.status.startTime
  $ naru get nodes -o jsonpath='{range .items[*]}{.metadata.name}{"\\n"}{end}'`,
    )
    .action(async (words, options) => (await import('./get.ts')).get(home, words, options));
  withConnection(program.command('describe'))
    .description('show objects in words, with what belongs to them and their events')
    .argument('[object...]', 'pod/web-1, deploy web, nodes')
    .option(...everywhere)
    .option(...selector)
    .option('--no-events', 'without events')
    .addHelpText(
      'after',
      `
Examples:
  $ naru describe pod/web-1
  $ naru describe deploy,svc -l app=web
  $ naru describe node server-1            with its pods, and what they ask for`,
    )
    .action(async (words, options) => (await import('./describe.ts')).describe(home, words, options));
  withConnection(program.command('events'))
    .description('show what happened, oldest first')
    .option(...everywhere)
    .option('--for <object>', 'to one object: pod/web-1')
    .option('--types <types>', 'only these: Warning, Normal')
    .option('-w, --watch', 'and go on')
    .option('-o, --output <format>', 'json, yaml')
    .option('--no-headers', 'without the line of headers')
    .addHelpText(
      'after',
      `
Examples:
  $ naru events --for deploy/web
  $ naru events -A --types=Warning -w`,
    )
    .action(async (options) => (await import('./events.ts')).events(home, options));

  const top = program.command('top').description('show what pods and nodes use now');
  const sortBy = ['--sort-by <amount>', 'the largest first: cpu, memory'] as const;
  withConnection(top.command('pods').alias('pod').alias('po'))
    .description('show the CPU and memory of pods')
    .argument('[pod]', 'one pod')
    .option(...everywhere)
    .option(...selector)
    .option('--containers', 'each container by itself')
    .option(...sortBy)
    .option('--sum', 'and all together')
    .option('--no-headers', 'without the line of headers')
    .addHelpText('after', '\nExamples:\n  $ naru top pods -A --sort-by=memory\n  $ naru top pods web-1 --containers')
    .action(async (name, options) => (await import('./top.ts')).topPods(home, name, options));
  withCluster(top.command('nodes').alias('node').alias('no'))
    .description('show the CPU and memory of nodes, and what share of them that is')
    .argument('[node]', 'one node')
    .option(...selector)
    .option(...sortBy)
    .option('--no-headers', 'without the line of headers')
    .addHelpText('after', '\nExamples:\n  $ naru top nodes --sort-by=cpu')
    .action(async (name, options) => (await import('./top.ts')).topNodes(home, name, options));

  withCluster(program.command('api-resources'))
    .description('list the types that the cluster serves, with their short names')
    .option('--api-group <group>', "only of this group; '' for the core one")
    .option('--namespaced <yes>', 'only those in namespaces (true), or outside (false)')
    .option('--categories <names>', 'only of these categories: all')
    .option('--verbs <verbs>', 'only those that can be: list,watch')
    .option('-o, --output <format>', 'wide, name')
    .option('--no-headers', 'without the line of headers')
    .addHelpText(
      'after',
      '\nExamples:\n  $ naru api-resources --api-group=apps\n  $ naru api-resources --namespaced=false -o name',
    )
    .action(async (options) => (await import('./api-resources.ts')).apiResources(home, options));
  withCluster(program.command('api-versions'))
    .description('list the API groups with their versions')
    .addHelpText('after', '\nExamples:\n  $ naru api-versions | grep networking')
    .action(async (options) => (await import('./api-resources.ts')).apiVersions(home, options));

  program
    .command('completion')
    .description('print what makes a shell complete commands, options and names of objects')
    .argument('<shell>', 'bash, zsh, fish')
    .addHelpText(
      'after',
      `
Examples:
  $ source <(naru completion bash)          now; for ever: add the line to ~/.bashrc
  $ source <(naru completion zsh)           likewise, in ~/.zshrc
  $ naru completion fish > ~/.config/fish/completions/naru.fish`,
    )
    .action(async (shell) => (await import('./completion/complete.ts')).printScript(shell));
  program
    .command('__complete', { hidden: true })
    .argument('[word...]')
    .action(async (words) => (await import('./completion/complete.ts')).complete(home, program, words));
}
