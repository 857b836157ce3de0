/** Every benchmark runs, small, and reports figures of one form. How large the figures are is for people to judge: they are printed. */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import type { Figure } from '../../bench/figure.ts';
import { root, run, TestCluster } from '../harness.ts';

after(() => TestCluster.closeAll());

for (const file of globSync('*.bench.ts', { cwd: path.join(root, 'bench') }).toSorted()) {
  const name = path.basename(file, '.bench.ts');
  test(`npm run bench -- ${name} --small --json gives a figure a line`, async (t) => {
    const args = [path.join(root, 'bench/run.ts'), name, '--small', '--json'];
    const { code, stdout, stderr } = await run(process.execPath, args, { timeoutMs: 180_000 });
    assert.equal(code, 0, stderr);
    const figures = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Figure);
    assert.ok(figures.length > 0);
    for (const figure of figures) {
      assert.equal(figure.bench, name);
      assert.ok(Number.isFinite(figure.value), figure.figure);
      if (figure.baseline !== undefined) assert.ok(figure.baseline > 0 && (figure.ratio ?? 0) > 0, figure.figure);
      t.diagnostic(
        `${figure.figure}: ${figure.value} ${figure.unit}${figure.ratio ? ` (${figure.ratio.toFixed(2)} × baseline)` : ''}`,
      );
    }
  });
}
