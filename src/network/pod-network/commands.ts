/** The kernel's network as `ip`, `bridge` and /proc/sys show and change it: the only place of the pod network that runs programs. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CommandError, commandEnvironment, output, readSysctl, writeSysctl } from '../kernel/command.ts';

export interface NetworkCommands {
  /** What it wrote. @throws Error with its words, or which package it comes from */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
  /** `net/ipv4/ip_forward`. @throws Error that names the file */
  readSetting(name: string): Promise<string>;
  writeSetting(name: string, value: string): Promise<void>;
  /** A program that runs on and tells something with each line, until it ends or is stopped. */
  follow(program: string, args: readonly string[], line: (text: string) => void): Following;
}

export interface Following {
  readonly isOver: boolean;
  stop(): void;
}

const packages: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  tc: 'iproute2',
  nft: 'nftables',
  conntrack: 'conntrack',
};

export const machineCommands: NetworkCommands = {
  async run(program, args, input) {
    try {
      return await output(program, args, input);
    } catch (error) {
      throw error instanceof CommandError && error.isMissing ? missing(program, error) : error;
    }
  },
  readSetting: async (name) => (await readSysctl(name)) ?? '',
  writeSetting: writeSysctl,
  follow,
};

function missing(program: string, cause: Error): Error {
  const from = packages[program] ?? program;
  const wayOut = `install the package ${from} (apt-get install ${from}), or run naru up once as root`;
  return new Error(`the program ${program} was not found; ${wayOut}`, { cause });
}

function follow(program: string, args: readonly string[], line: (text: string) => void): Following {
  const child = spawn(program, args, { env: commandEnvironment(), stdio: ['ignore', 'pipe', 'ignore'] });
  const following = { isOver: false, stop: () => void child.kill('SIGTERM') };
  const end = (): void => void (following.isOver = true);
  child.once('error', end);
  child.once('exit', end);
  createInterface({ input: child.stdout }).on('line', line);
  // It holds nobody who wants to end.
  child.unref();
  (child.stdout as unknown as Partial<NodeJS.RefCounted>).unref?.();
  return following;
}

/** Commands of `ip` or `bridge` in one run; those behind one that fails are carried out, too. @throws Error with what was refused */
export async function batch(
  commands: NetworkCommands,
  program: 'ip' | 'bridge',
  lines: readonly string[],
): Promise<void> {
  if (lines.length === 0) return;
  try {
    await commands.run(program, ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
  } catch (error) {
    throw new Error(`${(error as Error).message} (of: ${lines.slice(0, 5).join('; ')})`, { cause: error });
  }
}
