/** A reporter for node's test runner: each test that failed as a line of JSON (`FailedTest`), and nothing else. */
import type { TestEvent } from 'node:test/reporters';

export interface FailedTest {
  /** Absolute. Steps that several files share fail under their own file's name, and under that of the file that runs them. */
  readonly file: string;
  readonly name: string;
  /** Its error's first line. */
  readonly why: string;
}

export default async function* failedTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:fail') continue;
    const { file = '', name, details } = event.data;
    const { cause, message } = details.error;
    const [why = ''] = (cause instanceof Error ? cause.message : message).split('\n', 1);
    const failed: FailedTest = { file, name, why };
    yield `${JSON.stringify(failed)}\n`;
  }
}
