/** An error that is the whole message to the person at the terminal: what happened, to what, why, what to do. No stack is shown. */
import path from 'node:path';
import { harmless } from '../lib/harmless.ts';

export class UserError extends Error {
  override name = 'UserError';
}

/** One sentence for any error; `NARU_DEBUG=1` adds the stack. Much of it may be words of a server, a container or a file. */
export function describeError(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return harmless(String(error));
  const sentence = systemSentence(error) ?? error.message;
  return harmless(debug ? `${sentence}\n${error.stack}` : sentence);
}

const elsewhere = 'run the command with sudo, or name another place';

/** What the system says of files that commands were given, by its code. */
const systemWords: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of this path is a file, where a folder is needed',
  EISDIR: 'this is a folder, where a file is needed',
  EACCES: `this user may not open it; ${elsewhere}`,
  EPERM: `this user may not do that to it; ${elsewhere}`,
  EROFS: 'nothing can be written there (the file system is read-only); name another place',
  ENOSPC: 'there is no room left on the disk; free some, and run the command again',
  EDQUOT: 'there is no room left on the disk for this user; free some, and run the command again',
  EEXIST: 'it is there already; remove it, or name another place',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
};

/** Calls that make something in a folder: what is missing is the folder. */
const making: ReadonlySet<string> = new Set(['mkdir', 'mkdtemp', 'mkstemp']);

/** For errors of the file system that no command has put into its own words. */
function systemSentence(error: NodeJS.ErrnoException): string | undefined {
  const { code = '', syscall = '', path: file } = error;
  const words = systemWords[code];
  // Sentences of our own may carry the code of their cause; the system's begin with it.
  if (words === undefined || syscall === '' || !error.message.startsWith(`${code}:`)) return undefined;
  if (file === undefined) return words;
  return `${making.has(syscall) ? path.dirname(file) : file}: ${words}`;
}
