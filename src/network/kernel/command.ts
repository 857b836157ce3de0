/**
 * Programs that talk to the kernel (`ip`, `conntrack`), and settings in /proc/sys: one place, so that errors say what was tried and what the program said.
 * A program is run without a shell, with the machine's folders of programs in its path, and for at most half a minute.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class CommandError extends Error {
  /** Undefined: it did not start, or was ended. */
  readonly code: number | undefined;
  readonly stderr: string;
  /** There is no such program. */
  readonly isMissing: boolean;

  constructor(command: string, why: string, result?: CommandResult) {
    super(`${command}: ${why}`);
    this.name = 'CommandError';
    this.code = result?.code;
    this.stderr = result?.stderr ?? '';
    this.isMissing = why === notInstalled;
  }
}

const notInstalled = 'the program is not installed';
const deadlineMs = 30_000;
const outputBytesMax = 64 * 1024 * 1024;
const wordsMax = 500;

/** The program's answer, whatever its code. @throws CommandError where it does not start, or does not end in time */
export function run(program: string, args: readonly string[], input?: string): Promise<CommandResult> {
  const shown = [program, ...args].join(' ').slice(0, wordsMax);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'pipe',
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      env: commandEnvironment(),
    });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
        if (output[stream].length > outputBytesMax) child.kill('SIGKILL');
      });
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? notInstalled : error.message;
      reject(new CommandError(shown, why));
    });
    child.once('close', (code, signal) => {
      if (code === null) reject(new CommandError(shown, `ended by ${signal} (it may take ${deadlineMs / 1000} s)`));
      else resolve({ code, ...output });
    });
    // Who ends early does not read the rest; its code and words say why.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

/** What the program wrote. @throws CommandError with its words where it failed */
export async function output(program: string, args: readonly string[], input?: string): Promise<string> {
  const result = await run(program, args, input);
  if (result.code === 0) return result.stdout;
  const words = result.stderr.trim() || result.stdout.trim() || `code ${result.code}`;
  throw new CommandError([program, ...args].join(' ').slice(0, wordsMax), words.slice(0, wordsMax), result);
}

/** `ip -json …`, read. @throws CommandError */
export async function ipJson(args: readonly string[]): Promise<unknown[]> {
  const text = await output('ip', ['-json', ...args]);
  return text.trim() === '' ? [] : (JSON.parse(text) as unknown[]);
}

/** A setting by its dotted name, as `net.ipv4.ip_forward`; parts that hold dots (interfaces) are given by slashes. Undefined where the kernel has none such. */
export async function readSysctl(name: string): Promise<string | undefined> {
  try {
    return (await readFile(sysctlFile(name), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandError(`reading ${name}`, (error as Error).message);
  }
}

/** Writes a setting where it is otherwise: one that is right already may be on a read-only /proc. @throws CommandError */
export async function writeSysctl(name: string, value: string): Promise<void> {
  if ((await readSysctl(name)) === value) return;
  try {
    await writeFile(sysctlFile(name), value);
  } catch (error) {
    throw new CommandError(`setting ${name} to ${value}`, (error as Error).message);
  }
}

function sysctlFile(name: string): string {
  return `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;
}

/** Daemons' paths often lack the folders of the administrator's programs. */
export function commandEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' };
}
