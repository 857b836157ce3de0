/**
 * The command line's entry: finds the command, loads only its file, and turns errors into sentences. Commands stand in `cli/`, one
 * file each; the cluster that they run is put together in `cluster.ts`.
 */
import process from 'node:process';
import { commandLine } from './cli/command-line.ts';
import { describeError } from './cli/user-error.ts';

// Whoever reads may have read enough, as `naru status | head -1` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await commandLine().parseAsync(process.argv);
} catch (error) {
  process.stderr.write(`naru: ${describeError(error, process.env['NARU_DEBUG'] === '1')}\n`);
  process.exitCode = 1;
}
