/**
 * `npm run bench -- [NAME] [--small] [--json]`: each `*.bench.ts` is one benchmark. Speed is given beside a baseline measured in
 * the same run, as a ratio, since machines differ and are shared. Without NAME: all of them, small.
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Benchmark, Figure } from './figure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { small: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});

const files = globSync('*.bench.ts', { cwd: import.meta.dirname }).toSorted();
const names = files.map((file) => path.basename(file, '.bench.ts'));
const wanted = positionals.length > 0 ? positionals : names;
const small = values.small || positionals.length === 0;

for (const name of wanted) {
  if (!names.includes(name)) {
    console.error(`no benchmark is called ${name}; there are: ${names.join(', ')}`);
    process.exit(2);
  }
  const { default: benchmark } = (await import(`./${name}.bench.ts`)) as { default: Benchmark };
  for (const figure of await benchmark.run({ small })) print(figure);
}

function print(figure: Figure): void {
  if (values.json) {
    console.log(JSON.stringify(figure));
    return;
  }
  const ratio =
    figure.ratio === undefined ? '' : `  ${figure.ratio.toFixed(2)} × baseline (${figure.baseline} ${figure.unit})`;
  console.log(
    `${figure.bench.padEnd(10)} ${figure.figure.padEnd(52)} ${String(figure.value).padStart(10)} ${figure.unit}${ratio}`,
  );
}
