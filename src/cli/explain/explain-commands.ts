/** `naru why`, `naru doctor`, `naru status` and `naru release` with their options and help: the commands that explain. */
import { type Command, Option } from 'commander';
import type { Home } from '../../home.ts';
import { withConnection } from '../cluster/connection.ts';

const json = (): Option => new Option('-o, --output <format>', 'the same for programs').choices(['json']);

export function explainCommands(program: Command, home: Home): void {
  withConnection(program.command('why [object...]'))
    .description('say in words why something does not work, and what to do')
    .option('-A, --all-namespaces', 'without OBJECT: look through all namespaces and the cluster itself')
    .option('--warnings', 'without OBJECT: also what works now and will not for long')
    .addOption(json())
    .addHelpText(
      'after',
      `
It follows owners, conditions, events, endpoints, quotas, policies, finalizers and images to where the trouble begins, and changes nothing.
Without OBJECT it tells all that is unhealthy in the namespace.

Examples:
  $ naru why                       what is wrong here?
  $ naru why -A                    and anywhere?
  $ naru why pod/web-1             why is it Pending, not Ready, restarted?
  $ naru why svc/web               why does it answer nothing?
  $ naru why ing/web               why a 404 or 503?
  $ naru why ns/old                why does it not end?
  $ naru why pvc/data node/n2 job/report certificate/www`,
    )
    .action(async (words, options) => (await import('./why.ts')).why(home, words, options));
  withConnection(program.command('doctor'))
    .description('check this machine and the whole cluster, and say what to do')
    .option('--machine', 'only this machine: no cluster is asked')
    .option('--all', 'show also what is well')
    .addOption(json())
    .addHelpText(
      'after',
      `
Exit code 1 where something is a problem. Without a cluster the machine's half is checked.

Examples:
  $ naru doctor
  $ naru doctor --all
  $ naru doctor --machine          before naru up or naru join`,
    )
    .action(async (options) => (await import('./doctor.ts')).doctor(home, options));
  withConnection(program.command('status'))
    .description('the cluster, its nodes, what runs and what is wrong, on one screen')
    .addOption(json())
    .addHelpText(
      'after',
      `
Examples:
  $ naru status
  $ naru status -o json`,
    )
    .action(async (options) => (await import('./status.ts')).status(home, options));
  withConnection(program.command('release <object>'))
    .description('take a finalizer off an object that is being deleted, by hand')
    .requiredOption('--finalizer <name>', 'which one; naru why OBJECT names them')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      `
A finalizer is a promise that somebody cleans up first. Ask naru why OBJECT who that is and what would be left behind; use this when nobody will.

Examples:
  $ naru why ns/old
  $ naru release database/main -n old --finalizer databases.example.com/cleanup`,
    )
    .action(async (object, options) => (await import('./release.ts')).release(home, object, options));
}
