/** The store contract: any run at all, against the model. */
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type OpenStore } from './fixtures.ts';
import { checkModel, modelRun } from './model.ts';

export function modelTest(open: OpenStore): void {
  void test('any run of writes, conflicts, watches and restarts agrees with a plain map', async () => {
    const opened = await open();
    try {
      let store = opened.store;
      let run = 0;
      await fc.assert(
        fc.asyncProperty(modelRun, async (steps) => {
          store = await checkModel(store, opened.reopen, `run${run++}`, steps);
        }),
        { numRuns: 60, endOnFailure: true },
      );
    } finally {
      await opened.cleanup();
    }
  });
}
