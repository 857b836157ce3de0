/** `naru token`, `naru join`, `naru node` and `naru upgrade` with their options and help: what concerns the machines of a cluster. */
import type { Command } from 'commander';
import type { Home } from '../../home.ts';
import { withCluster } from '../cluster/connection.ts';
import { withKubelet } from '../kubelet-settings.ts';

export function machineCommands(program: Command, home: Home): void {
  tokenCommands(program, home);
  joinCommand(program, home);
  nodeCommands(program, home);
  upgradeCommand(program, home);
}

function upgradeCommand(program: Command, home: Home): void {
  withDrain(program.command('upgrade'))
    .description('bring the running cluster to the version of this program: the server, then the nodes one by one')
    .option('--dry-run', 'say what would be done')
    .option('--no-drain', 'leave the pods on their nodes: they run on while agents change')
    .option('--restart', 'start the server anew also where it has this version (a checkout that was changed)')
    .addHelpText(
      'after',
      `
Run it from the folder of the new version, on the machine of the server, with the NARU_HOME of the cluster. A new version that does not start
gives way to the old one, with the state from before.

Examples:
  $ ./naru upgrade --dry-run
  $ ./naru upgrade --delete-emptydir-data --timeout 10m`,
    )
    .action(async (options) => (await import('./upgrade.ts')).upgrade(home, options));
}

function tokenCommands(program: Command, home: Home): void {
  const token = program.command('token').description('what further machines join the cluster with');
  withCluster(token.command('create'))
    .description('make a token, and print the command to run on the machine that is to join')
    .option('--ttl <time>', 'how long it is good: 30m, 24h, 7d; 0 for ever', '24h')
    .option('--description <text>', 'what it is for, shown by naru token list')
    .addHelpText(
      'after',
      `
The token is a password: it lets a machine become a node. It is shown once.

Examples:
  $ naru token create
  $ naru token create --ttl 1h --description "the rack in room 3"`,
    )
    .action(async (options) => (await import('./token.ts')).createToken(home, options));
  withCluster(token.command('list'))
    .description('list the tokens, without their secrets')
    .action(async (options) => (await import('./token.ts')).listTokens(home, options));
  withCluster(token.command('delete <id...>'))
    .description('take tokens back; machines that have joined with them stay')
    .action(async (ids, options) => (await import('./token.ts')).deleteTokens(home, ids, options));
}

function joinCommand(program: Command, home: Home): void {
  withKubelet(program.command('join [server]'))
    .description('make this machine a node of the cluster at SERVER, in the background')
    .option('--token <token>', 'from naru token create; - to read it from standard input')
    .option('--ca-hash <hash>', "sha256:…, for a token that does not name the cluster's authority")
    .option('--node-name <name>', "this machine's name in the cluster (default: its host name)")
    .option('--service', 'start it with the machine, by systemd')
    .option('-y, --yes', 'install missing packages without asking')
    .addHelpText(
      'after',
      `
The machine dials out to the server, and needs no open port for it. Without SERVER and --token, a machine that has joined before is
started again.

Examples:
  $ naru join 192.168.1.5 --token abcdef.0123456789abcdef.9f86d081…
  $ naru join 192.168.1.5:6443 --token - --node-name rack3-a < token
  $ naru join                     after a reboot`,
    )
    .action(async (server, options) => (await import('./join.ts')).join(home, server, options));
}

function nodeCommands(program: Command, home: Home): void {
  const node = program.command('node').description("the cluster's machines: list, empty, and remove them");
  withCluster(node.command('list'))
    .description('list the nodes with their version, address, room and pods')
    .action(async (options) => (await import('./node-list.ts')).listNodes(home, options));
  withCluster(node.command('cordon <node...>'))
    .description('let no new pods start there; those that run stay')
    .action(async (names, options) => (await import('./node-cordon.ts')).cordon(home, names, true, options));
  withCluster(node.command('uncordon <node...>'))
    .description('let pods start there again')
    .action(async (names, options) => (await import('./node-cordon.ts')).cordon(home, names, false, options));
  withDrain(withCluster(node.command('drain <node>')))
    .description('move all pods elsewhere, as disruption budgets allow; no new ones start there')
    .addHelpText(
      'after',
      `
Pods of DaemonSets stay. Others are evicted: their PodDisruptionBudgets are asked, and who waits is told for what.

Examples:
  $ naru node drain n2
  $ naru node drain n2 --delete-emptydir-data --timeout 5m
  $ naru node uncordon n2          when it is back`,
    )
    .action(async (name, options) => (await import('./node-drain.ts')).drain(home, name, options));
  withDrain(withCluster(node.command('remove <node>')))
    .description('drain a node, then take it out of the cluster for good, with its credentials')
    .addHelpText(
      'after',
      `
Its certificates are refused from then on. On the machine itself, naru down --all removes what is left of it there.
A node that is lost (not Ready) is not waited for.

Examples:
  $ naru node remove n2
  $ naru node remove n2 --no-drain       its pods are lost, and replaced elsewhere`,
    )
    .option('--no-drain', 'at once, whatever runs there')
    .action(async (name, options) => (await import('./node-remove.ts')).remove(home, name, options));
}

function withDrain(command: Command): Command {
  return command
    .option('--force', 'also pods that nobody will make anew')
    .option('--delete-emptydir-data', 'also pods that keep data in emptyDir volumes: it is lost')
    .option('--grace-period <seconds>', 'how long pods have to end, in place of their own', Number)
    .option('--timeout <time>', 'give up after this long: 30s, 5m; 0 waits for ever', '0')
    .option('--ignore-budgets', 'delete pods without asking their disruption budgets');
}
