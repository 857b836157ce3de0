/**
 * `npm run generate-docs`: writes docs/reference, which is made of the code alone. A test fails where a page is not what the code says.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pages } from './pages.ts';

const folder = path.join(import.meta.dirname, '../../docs/reference');

mkdirSync(folder, { recursive: true });
for (const [name, text] of pages()) writeFileSync(path.join(folder, name), text);
