/** Programs of the benchmark that run as an agent does: one file, with the flags that the launcher gives an agent. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

const agentFlags = ['--max-semi-space-size=1', '--lite-mode'];

/**
 * A source of this folder, as one file in `folder`: these flags leave no WebAssembly, which the runtime needs to read TypeScript. The result starts the
 * command line that runs it.
 */
export function agentProgram(source: string, folder: string): readonly [program: string, ...args: string[]] {
  const output = path.join(folder, source.replace(/\.ts$/, '.mjs'));
  const bundler = path.join(import.meta.dirname, '../../tools/bundle.ts');
  execFileSync(process.execPath, [bundler, output, '--entry', path.join(import.meta.dirname, source)]);
  return [process.execPath, ...agentFlags, output];
}
