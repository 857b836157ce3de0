/**
 * Every command with its options and help: the whole of the command line on one page. A command's own file is loaded only when the
 * command runs, so that `naru kubeconfig` does not wait for gRPC.
 */
import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';
import { defaultHome } from '../home.ts';
import { actCommands } from './act/act-commands.ts';
import { withRanges } from './address-ranges.ts';
import { buildCommands } from './build/build-commands.ts';
import { composeCommands } from './compose/compose-commands.ts';
import { deployCommands } from './deploy/deploy-commands.ts';
import { exitCodeHelp } from './exit-code.ts';
import { explainCommands } from './explain/explain-commands.ts';
import { withGuardFiles } from './guard-files.ts';
import { arrangeHelp } from './help-groups.ts';
import { imageCommands } from './image-commands.ts';
import { keepCommands } from './keep/keep-commands.ts';
import { withKubelet } from './kubelet-settings.ts';
import { lookCommands } from './look/look-commands.ts';
import { machineCommands } from './machine/machine-commands.ts';
import { withSchedulerConfig } from './scheduler-settings.ts';
import { withTls } from './tls.ts';
import { withTokenSettings } from './token-settings.ts';
import { programVersion } from './version.ts';

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

function hours(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 10_000) {
    throw new InvalidArgumentError('It must be a number of hours, such as 0.5, of 10000 at most.');
  }
  return value;
}

/** An option that may come several times. */
const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

const portOption = ['--port <number>', "the API's port; 0 picks a free one", wholeNumber(0, 65_535)] as const;
const hostOption = ['--host <address>', 'the address that the API listens on (default: 127.0.0.1)'] as const;
const simulatedOption = [
  '--simulated-nodes <count>',
  'run this many nodes whose pods are simulated, instead of containers',
  wholeNumber(1, 5000),
] as const;

const templateOption = [
  '--simulated-node-template <file>',
  "how the simulated nodes are: sizes, labels, taints, zones, stages; '' for plain ones",
] as const;

/** For every command that starts the API. */
const withApi = (command: Command): Command =>
  withRanges(withSchedulerConfig(withTls(withTokenSettings(withGuardFiles(withAudit(command))))));

const wholeOption = wholeNumber(0, 1_000_000);

/** What is written down about requests: for every command that starts the API. */
function withAudit(command: Command): Command {
  return command
    .option('--audit-policy-file <file>', 'an audit.k8s.io/v1 Policy: what the audit log holds')
    .option('--audit-log-path <file>', "the audit log; - for standard output, '' to turn it off")
    .option('--audit-log-maxsize <megabytes>', 'start a new audit log at this size (default: 100)', wholeOption)
    .option('--audit-log-maxbackup <count>', 'keep this many old audit logs; 0 keeps all', wholeOption)
    .option('--audit-log-maxage <days>', 'keep old audit logs this long; 0 keeps them for ever', wholeOption);
}

export function commandLine(): Command {
  const home = defaultHome(process.env, process.getuid?.() === 0);
  const program = new Command('naru')
    .description('A container orchestrator that speaks the Kubernetes API.')
    .version(programVersion(), '-v, --version')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ naru up examples/shop             a cluster on this machine, and an application in it
  $ naru up --simulated-nodes 3       a cluster without containers, root or Linux
  $ naru get all                      what runs
  $ naru why pod/web-1                why something does not
  $ naru token create                 a second machine: run what this prints over there
  $ export KUBECONFIG=$(naru kubeconfig --path)      for kubectl and all other tools

State is kept in NARU_HOME (now ${home.root}).
${exitCodeHelp}`,
    );

  const up = program
    .command('up [path]')
    .description('set up what is missing, start the cluster in the background, and bring an application into it')
    .optionsGroup('The application:')
    .option('-n, --namespace <name>', "its namespace (default: its files' own, else default)")
    // Before its opposite, which would make it the default.
    .option('--wait', 'without an application: return only when every node is Ready')
    .option('--no-wait', 'do not wait until it is healthy')
    .option('--timeout <time>', 'how long it may take to be healthy (default: 5m)')
    .option('--prune', 'delete what it had at the last time, and has no more')
    .option('--take-over', 'objects that are there as those of another application become its own')
    .option('--dry-run', 'only say what would become of it')
    .option('--profile <name>', 'of a Compose file: with the services of this profile', several)
    .option('--env-file <file>', 'of a Compose file: variables, in place of .env', several)
    .optionsGroup('The cluster:')
    .option(...simulatedOption)
    .option(...templateOption)
    .option(...portOption)
    .option(...hostOption)
    .option('--node-name <name>', "this machine's name in the cluster")
    .option('--service', 'start it with the machine, by systemd')
    .option('-y, --yes', 'ask nothing before packages are installed')
    .optionsGroup('How the cluster is set up:');
  withKubelet(withApi(up))
    .addHelpText(
      'after',
      `
PATH is a folder of manifests (with all below it), one with a kustomization.yaml or a compose.yaml, or one file. Images that its naru.yaml
says how to make are made first. It is idempotent: what is there stays, what differs is changed, what was never said stays as it is.

Examples:
  $ naru up                                a cluster, with nothing in it
  $ naru up examples/shop                  and an application
  $ naru up compose.yaml --profile debug   one in Compose's words
  $ naru up deploy/ -n shop --prune        without what the folder has no more
  $ naru up --simulated-nodes 3            without containers, root or Linux`,
    )
    .action(async (path, options) => (await import('./up.ts')).up(home, path, options));
  program
    .command('down')
    .description('stop the cluster and remove its containers, mounts, networks and cgroups')
    .option('--all', "remove NARU_HOME, too: the cluster's objects, volumes, images and certificates")
    .action(async (options) => (await import('./down.ts')).down(home, options));

  withApi(program.command('server'))
    .description('run API, scheduler and controllers, in the foreground')
    .option(...portOption)
    .option(...hostOption)
    .action(async (options) => (await import('./run.ts')).run(home, { ...options, nodes: 'none' }));
  withKubelet(program.command('agent'))
    .description("run this machine's node, in the foreground")
    .option('--kubeconfig <file>', 'how to reach the server', home.agentKubeconfig)
    .option('--bootstrap-kubeconfig <file>', 'with a bootstrap token: how to get the first one')
    .option('--node-name <name>', "this machine's name in the cluster")
    .option('--pod-cidr <range>', "the addresses of this machine's pods (default: those that the API gives to it)")
    .action(async (options) => (await import('./agent.ts')).agent(home, options));
  withKubelet(withApi(program.command('run', { hidden: true })))
    .description('run server and node in the foreground: what `naru up` starts in the background')
    .option(...portOption)
    .option(...hostOption)
    .option(...simulatedOption)
    .option(...templateOption)
    .option('--node-name <name>', "this machine's name in the cluster")
    .action(async (options) => (await import('./run.ts')).run(home, options));

  const encryption = program.command('secrets-encrypt').description('how Secrets are sealed on disk');
  encryption
    .command('status')
    .description('which keys are in use, and how many values each has sealed')
    .action(async () => (await import('./secrets-encrypt.ts')).secretsEncryptStatus(home));
  encryption
    .command('rotate')
    .description('make a new key; a running cluster rewrites all Secrets with it and removes the old one')
    .action(async () => (await import('./secrets-encrypt.ts')).secretsEncryptRotate(home));

  const tokenKey = program.command('token-key').description("the keys that sign service accounts' tokens");
  const forced = ['--force', 'at once, although tokens that still hold may be refused'] as const;
  tokenKey
    .command('list')
    .description('list the keys: which one signs, and since when')
    .action(async () => (await import('./token-key.ts')).listTokenKeys(home));
  tokenKey
    .command('add')
    .description('make a new key, which verifies and is published, but does not sign yet')
    .action(async () => (await import('./token-key.ts')).addTokenKey(home));
  tokenKey
    .command('use <id>')
    .description('let this key sign from now on')
    .option(...forced)
    .action(async (id, options) => (await import('./token-key.ts')).useTokenKey(home, id, options));
  tokenKey
    .command('remove <id>')
    .description('remove a key that signs no more; tokens in Secrets that it signed end with it')
    .option(...forced)
    .action(async (id, options) => (await import('./token-key.ts')).removeTokenKey(home, id, options));

  deployCommands(program, home);
  actCommands(program, home);
  lookCommands(program, home);
  explainCommands(program, home);
  imageCommands(program, home);
  buildCommands(program, home);
  composeCommands(program);
  machineCommands(program, home);
  keepCommands(program, home);

  program
    .command('simulate')
    .description(
      'run a whole cluster under a virtual clock with injected faults; exit code 0 when every invariant held',
    )
    .option('--seed <number>', 'the first seed', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--seeds <count>', 'how many seeds, one after another', wholeNumber(1, 1_000_000), 1)
    .option('--hours <hours>', 'virtual hours of each run', hours, 1)
    .option('--jobs <count>', 'how many processes share the seeds', wholeNumber(1, 1000), 1)
    .option(
      '--climate <name>',
      "only this one, as in the output's lines; 'quiet' for a cluster in which little happens",
    )
    .option('--canary', 'instead of seeds: clusters with a fault built in, which must be found')
    .action(async (options) => (await import('./simulate.ts')).simulate(options));
  arrangeHelp(program);
  return program;
}
