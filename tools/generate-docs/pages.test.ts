import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { pages } from './pages.ts';

const folder = path.join(import.meta.dirname, '../../docs/reference');

for (const [name, text] of pages()) {
  test(`docs/reference/${name} is what the code says`, () => {
    // A page's difference would fill screens.
    assert.ok(
      readFileSync(path.join(folder, name), 'utf8') === text,
      'it is older than the code: npm run generate-docs',
    );
  });
}
