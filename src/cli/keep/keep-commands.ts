/** `naru backup`, `restore`, `uninstall`, `kubeconfig` and `version` with their options and help: what keeps a cluster, and ends it. */
import { type Command, Option } from 'commander';
import type { Home } from '../../home.ts';
import { withCluster } from '../cluster/connection.ts';

export function keepCommands(program: Command, home: Home): void {
  program
    .command('backup [file]')
    .description('save the cluster of this machine in one file, while it runs')
    .addHelpText(
      'after',
      `
It holds all objects, the keys that open and sign, certificates and settings: whoever has it has the cluster. What lies in volumes is not in
it. FILE must not be there yet; - is standard output.

Examples:
  $ naru backup
  $ naru backup /mnt/elsewhere/monday.tar.gz
  $ naru backup - | gpg -c -o monday.tar.gz.gpg       sealed with a password`,
    )
    .action(async (file) => (await import('./backup.ts')).backup(home, file));
  program
    .command('restore <file>')
    .description('bring the cluster of a backup back; it starts with the next naru up')
    .option('--force', 'in place of the cluster that is here, which is set aside and kept')
    .addHelpText(
      'after',
      `
The cluster must not run. Pods that are not in the backup end when it starts, those that are start; further machines need nothing done to them.

Examples:
  $ naru down && naru restore monday.tar.gz --force && naru up
  $ gpg -d monday.tar.gz.gpg | naru restore -`,
    )
    .action(async (file, options) => (await import('./restore.ts')).restore(home, file, options));
  program
    .command('uninstall')
    .description('end the cluster on this machine and remove all that naru put here')
    .option('-y, --yes', 'do not ask')
    .action(async (options) => (await import('./uninstall.ts')).uninstall(home, options));
  program
    .command('kubeconfig')
    .description("print the cluster's kubeconfig, or merge it into your own")
    .option('--path', "print the file's path instead")
    .option('--merge', 'add it to ~/.kube/config (or $KUBECONFIG) and make it the current context there')
    .option('--name <name>', 'how cluster, user and context are called in it (default: naru)')
    .option('--server <address>', 'by which address that machine reaches the API: a host, host:port or URL')
    .addHelpText(
      'after',
      `
Examples:
  $ export KUBECONFIG=$(naru kubeconfig --path)
  $ naru kubeconfig --merge --name home
  $ naru kubeconfig --server 192.168.1.5 > for-my-laptop      (naru up --host lets the API listen there)`,
    )
    .action(async (options) => (await import('./kubeconfig.ts')).kubeconfig(home, options));
  withCluster(program.command('version'))
    .description('the versions of this program and of the cluster')
    .addOption(new Option('-o, --output <format>', 'print it for programs').choices(['json', 'yaml']))
    .action(async (options) => (await import('./versions.ts')).versions(home, options));
}
