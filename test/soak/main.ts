/**
 * `npm run soak -- [--minutes 30] [--seed N] [--pods 110]`: see `soak.ts`. The exit code is 0 when nothing was lost and nothing left behind. Needs
 * root, containers, and a machine on which nobody else starts any.
 */
import { randomInt } from 'node:crypto';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { TestCluster } from '../harness.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    pods: { type: 'string', default: '110' },
  },
});

function numberOf(option: keyof typeof values, least: number, most: number): number {
  const value = Number(values[option]);
  if (value >= least && value <= most) return value;
  console.error(`--${option} takes a number from ${least} to ${most}, and got ${values[option]}`);
  process.exit(2);
}

const minutes = numberOf('minutes', 0, 7 * 24 * 60);
const seed = numberOf('seed', 0, 2 ** 32 - 1);
const pods = numberOf('pods', 1, 110);

console.log(
  `soak: ${minutes} minutes, ${pods} pods; again with: npm run soak -- --minutes ${minutes} --pods ${pods} --seed ${seed}`,
);
try {
  const { faults, problems, table } = await soak({ minutes, seed, pods, say: (line) => console.log(line) });
  console.log(
    ['', ...[...faults].map(([name, count]) => `${String(count).padStart(5)} × ${name}`), '', ...table, ''].join('\n'),
  );
  console.log(problems.length === 0 ? 'All is well.' : problems.join('\n'));
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await TestCluster.closeAll();
}
