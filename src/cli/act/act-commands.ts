/** The commands that act on what runs, with their options and help. The pods' are here; those that change objects in `change-commands.ts`. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Home } from '../../home.ts';
import { withConnection } from '../cluster/connection.ts';
import { parseDuration } from '../machine/duration-option.ts';
import { changeCommands } from './change-commands.ts';
import { createCommands } from './create-commands.ts';

export function actCommands(program: Command, home: Home): void {
  logCommand(program, home);
  execCommands(program, home);
  portForwardCommand(program, home);
  copyCommand(program, home);
  changeCommands(program, home);
  createCommands(program, home);
}

/** -1: all, as kubectl has it. */
function lines(text: string): number {
  if (text === '-1') return -1;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, or -1 for all.');
  return Number(text);
}

function bytes(text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}

function logCommand(program: Command, home: Home): void {
  withConnection(program.command('logs'))
    .description("print what a pod's programs say; of a workload, of all of its pods")
    .argument('[pod]', 'a pod, or deploy/web, svc/web, job/once, cronjob/nightly')
    .option('-l, --selector <labels>', 'of all pods with these labels')
    .option('-c, --container <name>', "which container (default: the pod's default one, else its first)")
    .option('--all-containers', 'of all containers')
    .option('-f, --follow', 'go on as more is said; of a workload, also through restarts and with new pods')
    .option('-p, --previous', 'of the run before the last restart')
    .option('--since <time>', 'only what is newer: 30s, 5m, 2h', (text) => parseDuration('--since', text))
    .option('--since-time <time>', 'only what is newer: 2026-01-02T03:04:05Z')
    .option('--tail <lines>', 'only the last lines (default: all, and 10 with -l)', lines)
    .option('--limit-bytes <count>', 'no more than this of each', bytes)
    .option('--timestamps', 'when each line was said')
    .option('--prefix', 'whose each line is, also where there is one pod alone')
    .addHelpText(
      'after',
      `
Examples:
  $ naru logs web-6d4cf56db6-x2x8b
  $ naru logs deploy/web -f                   all of its pods, for as long as you look
  $ naru logs deploy/web --since 10m --all-containers
  $ naru logs web-0 --previous                why did it restart?
  $ naru logs -l app=web --tail 50 --timestamps`,
    )
    .action(async (pod, options) => (await import('./logs.ts')).logs(home, pod, options));
}

function execCommands(program: Command, home: Home): void {
  withConnection(program.command('exec'))
    .description('run a program in a container; ends with its exit code')
    .argument('<pod>', 'a pod, or deploy/web: then in the pod that can best answer')
    .argument('[command...]', 'after --, the program and its arguments')
    .option('-i, --stdin', 'with the input of this command')
    .option('-t, --tty', 'with this terminal')
    .option('-c, --container <name>', "which container (default: the pod's default one, else its first)")
    .option('-q, --quiet', 'do not say which container was taken')
    .addHelpText(
      'after',
      `
Examples:
  $ naru exec web-0 -- ls /etc
  $ naru exec -it deploy/web -- sh
  $ naru exec -i db-0 -- psql < dump.sql`,
    )
    .action(async (pod, command, options) => (await import('./exec.ts')).exec(home, pod, command, options));
  withConnection(program.command('attach'))
    .description("watch a container's own program, and with -i speak to it")
    .argument('<pod>', 'a pod, or deploy/web')
    .option('-i, --stdin', 'with the input of this command')
    .option('-t, --tty', 'with this terminal')
    .option('-c, --container <name>', "which container (default: the pod's default one, else its first)")
    .option('-q, --quiet', 'do not say which container was taken')
    .addHelpText(
      'after',
      `
Ctrl-C leaves the program to itself, unless it has the terminal (-t): then it gets the Ctrl-C.

Examples:
  $ naru attach web-0
  $ naru attach -it shell`,
    )
    .action(async (pod, options) => (await import('./exec.ts')).attach(home, pod, options));
}

function portForwardCommand(program: Command, home: Home): void {
  withConnection(program.command('port-forward'))
    .description("make ports of a pod reachable at this machine's, until Ctrl-C")
    .argument(
      '<pod>',
      'a pod, or svc/web, deploy/web: then the pod that can best answer, and another one when that is gone',
    )
    .argument('<port...>', 'LOCAL:REMOTE, :REMOTE for any free port here, or one number for both')
    .option('--address <address>', 'where to listen here, several with commas', 'localhost')
    .addHelpText(
      'after',
      `
Examples:
  $ naru port-forward svc/web 8080:80
  $ naru port-forward db-0 5432 :9187
  $ naru port-forward deploy/web 8080:http --address 0.0.0.0     for others, too`,
    )
    .action(async (pod, ports, options) => (await import('./port-forward.ts')).portForward(home, pod, ports, options));
}

function copyCommand(program: Command, home: Home): void {
  withConnection(program.command('cp'))
    .description('copy files and folders into a container, or out of it (tar must be in it)')
    .argument('<source>', 'a path here, or [NAMESPACE/]POD:PATH')
    .argument('<goal>', 'the other of both')
    .option('-c, --container <name>', "which container (default: the pod's default one, else its first)")
    .addHelpText(
      'after',
      `
Examples:
  $ naru cp settings.json web-0:/etc/app/
  $ naru cp web-0:/var/log/app ./app-log
  $ naru cp -c sidecar shop/web-0:/tmp/dump .`,
    )
    .action(async (source, goal, options) => (await import('./copy.ts')).copy(home, source, goal, options));
}
