/**
 * The command line's entry: finds the command, loads only its file, and turns errors into sentences and exit codes. Commands stand in
 * `cli/`, one file each; the cluster that they run is put together in `cluster.ts`.
 */
import process from 'node:process';
import { commandLine } from './cli/command-line.ts';
import { exitCodeOf, isSaid } from './cli/exit-code.ts';
import { describeError } from './cli/user-error.ts';

// Whoever reads may have read enough, as `naru status | head -1` does.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    // A full disk, for one: what was written so far is not the whole.
    if (output === process.stdout) process.stderr.write(`naru: standard output: ${describeError(error, false)}\n`);
    process.exit(exitCodeOf(error));
  });
}

try {
  // Without a command: what there is.
  await commandLine().parseAsync(process.argv.length > 2 ? process.argv : [...process.argv, '--help']);
} catch (error) {
  if (!isSaid(error)) process.stderr.write(`naru: ${describeError(error, process.env['NARU_DEBUG'] === '1')}\n`);
  process.exitCode = exitCodeOf(error);
}
