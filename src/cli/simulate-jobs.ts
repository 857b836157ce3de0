/**
 * Seeds side by side: processes that run a block of seeds each, started one after another by a few takers. A seed is deterministic in itself, so
 * it does not matter which process has it. After a failure, no new block is begun.
 */
import { fork } from 'node:child_process';
import process from 'node:process';
import { RealClock } from '../lib/clock.ts';
import type { SimulateOptions } from './simulate.ts';
import { Tally, type ToldReport } from './simulate-report.ts';

/** So many that the start of a process counts little, so few that all processes end at about the same time. */
const blockMax = 25;

interface Block {
  readonly seed: number;
  readonly seeds: number;
}

export async function simulateSideBySide({ seed, seeds, hours, jobs, climate }: SimulateOptions): Promise<void> {
  const tally = new Tally({ hours, climate }, new RealClock());
  const blocks = blocksOf(seed, seeds, Math.min(blockMax, Math.ceil(seeds / jobs)));
  const take = async (): Promise<void> => {
    for (let block = blocks.shift(); block !== undefined && !tally.hasFailed; block = blocks.shift()) {
      await runBlock(block, hours, climate, tally);
    }
  };
  await Promise.all(Array.from({ length: jobs }, take));
  tally.finish();
}

export function blocksOf(first: number, seeds: number, size: number): Block[] {
  const blocks: Block[] = [];
  for (let done = 0; done < seeds; done += size)
    blocks.push({ seed: first + done, seeds: Math.min(size, seeds - done) });
  return blocks;
}

function runBlock({ seed, seeds }: Block, hours: number, climate: string | undefined, tally: Tally): Promise<void> {
  const [, program = ''] = process.argv;
  const only = climate === undefined ? [] : ['--climate', climate];
  const args = ['simulate', '--seed', `${seed}`, '--seeds', `${seeds}`, '--hours', `${hours}`, ...only];
  const child = fork(program, args);
  let left = seeds;
  child.on('message', (told: ToldReport) => {
    left--;
    tally.add(told);
    if (told.report.violation !== undefined) child.kill();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      const isWhole = code === 0 && left === 0;
      if (!isWhole && !tally.hasFailed)
        process.stdout.write(`A process ended early, with seed ${seed + seeds - left}.\n`);
      if (!isWhole) tally.fail();
      resolve();
    });
  });
}
