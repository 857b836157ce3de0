/** `naru compose …` with its options and help. */
import { type Command, Option } from 'commander';

export function composeCommands(program: Command): void {
  const compose = program.command('compose').description('Compose files, in the words of Kubernetes');
  compose
    .command('convert [file...]')
    .description('print the manifests that a Compose file becomes; what cannot be carried over is told')
    .addOption(new Option('-o, --output <format>', 'how they are printed').choices(['yaml', 'json']).default('yaml'))
    .option('-p, --project-name <name>', "the application's name (default: the file's, else its folder's)")
    .option('--profile <name...>', "also the services of this profile; '*' for all")
    .option('--env-file <file...>', 'variables, in place of .env beside the file')
    .addHelpText(
      'after',
      `
Examples:
  $ naru compose convert                                     the Compose file of this folder, with its override file
  $ naru compose convert compose.yaml compose.prod.yaml      the second one over the first
  $ naru compose convert --profile debug -o json
  $ naru compose convert | kubectl diff -f -                 what would change
  $ naru up compose.yaml                                     convert, build, apply and wait

Notes go to standard error: what has no counterpart in Kubernetes, and what works differently.`,
    )
    .action(async (files, options) => (await import('./convert.ts')).convert(files, options));
}
