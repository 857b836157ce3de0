/** `naru exec` and `naru attach`: a program in a container, with this side's input, output and terminal, and its exit code. */
import process from 'node:process';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ExitError, UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { chooseContainer, findPod } from './pods-of.ts';
import { withRawTerminal } from './remote/local-terminal.ts';
import { type CommandEnd, type RemoteCommandOptions, startRemoteCommand } from './remote/remote-command.ts';

export interface ExecOptions extends ConnectionOptions {
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly container?: string;
  readonly quiet?: boolean;
}

export async function exec(home: Home, word: string, command: readonly string[], options: ExecOptions): Promise<void> {
  if (command.length === 0) throw new UsageError(`say what to run: naru exec ${word} -- COMMAND`);
  await withApi(home, options, async (connection) => {
    const { pod, container } = await findContainer(connection, word, options);
    await run(connection, pod, { ...options, container, command });
  });
}

export async function attach(home: Home, word: string, options: ExecOptions): Promise<void> {
  await withApi(home, options, async (connection) => {
    const { pod, container } = await findContainer(connection, word, options);
    const spec = pod.spec?.containers.find(({ name }) => name === container);
    if (options.tty === true && spec?.tty !== true) {
      process.stderr.write(
        `container ${container} has no terminal of its own (its tty is not true): going on without one\n`,
      );
    }
    await run(connection, pod, { ...options, container, tty: options.tty === true && spec?.tty === true });
  });
}

async function findContainer(
  connection: Connection,
  word: string,
  { container, quiet }: ExecOptions,
): Promise<{ readonly pod: Pod; readonly container: string }> {
  const pod = await findPod(connection, word);
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw new UserError(
      `pod ${pod.metadata?.name} has ended (${phase}): no program runs in it; its output: naru logs ${pod.metadata?.name}`,
    );
  }
  const chosen = chooseContainer(pod, container);
  if (chosen.others.length > 0 && quiet !== true) {
    const all = [chosen.name, ...chosen.others].join(', ');
    process.stderr.write(`Defaulted container "${chosen.name}" out of: ${all}\n`);
  }
  return { pod, container: chosen.name };
}

interface RunOptions extends ExecOptions {
  readonly container: string;
  readonly command?: readonly string[];
}

async function run({ config, clock }: Connection, pod: Pod, options: RunOptions): Promise<void> {
  const tty = options.tty === true && hasTerminal(options);
  const remote: RemoteCommandOptions = {
    config,
    clock,
    namespace: pod.metadata?.namespace ?? '',
    pod: pod.metadata?.name ?? '',
    container: options.container,
    ...(options.command !== undefined && { command: options.command }),
    tty,
    ...(options.stdin === true && { stdin: process.stdin }),
    stdout: process.stdout,
    ...(!tty && { stderr: process.stderr }),
  };
  const end = tty
    ? await withRawTerminal(async (follow) => {
        const command = await startRemoteCommand(remote);
        follow(command);
        return command.ended;
      })
    : await (await startRemoteCommand(remote)).ended;
  finish(end);
}

/** Without one here there is none to lend. */
function hasTerminal({ stdin }: ExecOptions): boolean {
  if (stdin === true && process.stdin.isTTY && process.stdout.isTTY) return true;
  const why = stdin === true ? 'the input here is no terminal' : 'a terminal needs an input: -i -t';
  process.stderr.write(`going on without a terminal: ${why}\n`);
  return false;
}

function finish(end: CommandEnd): void {
  if (end.kind === 'failed') throw new UserError(end.message);
  if (end.exitCode !== 0) throw new ExitError(end.exitCode);
}
