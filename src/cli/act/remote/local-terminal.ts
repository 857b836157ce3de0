/**
 * This side's terminal while a program elsewhere has it: each key goes there as it is pressed, Ctrl-C too. Kept true: the terminal is as it was
 * when this is over, however it ends.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import type { RemoteCommand } from './remote-command.ts';

/** Runs `act` with the terminal in raw mode, and tells the program its size, now and whenever it changes. */
export async function withRawTerminal<T>(act: (follow: (command: RemoteCommand) => void) => Promise<T>): Promise<T> {
  const { stdin, stdout } = process;
  let stopFollowing = (): void => {};
  const follow = (command: RemoteCommand): void => {
    const tell = (): void => {
      const [width, height] = stdout.getWindowSize();
      if (width > 0 && height > 0) command.resize({ width, height });
    };
    tell();
    stdout.on('resize', tell);
    stopFollowing = () => void stdout.off('resize', tell);
  };
  const restore = (): void => void stdin.setRawMode(false);
  // Whoever ends this process by a signal wants the terminal back, too.
  const ended = (signal: NodeJS.Signals): void => {
    restore();
    process.kill(process.pid, signal);
  };
  const signals = ['SIGHUP', 'SIGTERM', 'SIGINT'] as const;
  for (const signal of signals) process.once(signal, ended);
  stdin.setRawMode(true);
  // Raw mode as Node.js has it still turns line feeds into line breaks, which spoils what full-screen programs draw. Taken back with the rest.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  try {
    return await act(follow);
  } finally {
    restore();
    stopFollowing();
    for (const signal of signals) process.off(signal, ended);
  }
}
