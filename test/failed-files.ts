/** A reporter for node's test runner: the files in which a test failed, a line each, and nothing else. */
import type { TestEvent } from 'node:test/reporters';

export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const seen = new Set<string>();
  for await (const event of events) {
    if (event.type !== 'test:fail' || event.data.file === undefined || seen.has(event.data.file)) continue;
    seen.add(event.data.file);
    yield `${event.data.file}\n`;
  }
}
