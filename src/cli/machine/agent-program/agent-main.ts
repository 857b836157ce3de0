/**
 * The entry of an agent's program that came from the server: it runs what `naru agent` runs, with the options that the process had which gave way to
 * it (`versions.ts`). Nobody starts it by hand.
 */
import process from 'node:process';
import { loadCri } from '../../../agent/cri/connection.ts';
import { defaultHome } from '../../../home.ts';
import { type AgentCommandOptions, agent } from '../../agent.ts';
import { describeError } from '../../user-error.ts';

try {
  if (process.argv[2] === '--check') {
    // The part that most depends on files beside the code.
    await loadCri();
    process.exit(0);
  }
  await agent(defaultHome(process.env, true), JSON.parse(process.argv[2] ?? '') as AgentCommandOptions);
} catch (error) {
  process.stderr.write(`naru: ${describeError(error, process.env['NARU_DEBUG'] === '1')}\n`);
  process.exitCode = 1;
}
