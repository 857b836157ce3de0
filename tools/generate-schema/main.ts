/**
 * `npm run generate-schema`: makes `src/api/schema/tables` and `src/api/schema/types` from upstream's Go and protobuf
 * declarations (ARCHITECTURE.md, D1). With `--check` it writes nothing and exits with 1 when the committed files are not
 * what it would write. Files there that it does not make (`resources.json`) are left alone.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableText } from './emit-tables.ts';
import { typesText } from './emit-types.ts';
import { Joiner } from './join.ts';
import { readSources } from './sources.ts';

const project = join(import.meta.dirname, '../..');
const schemaFolder = join(project, 'src/api/schema');

async function generate(): Promise<Map<string, string>> {
  const { packages, apis } = await readSources(join(project, '.cache'));
  const joiner = new Joiner(packages);
  const files = new Map<string, string>();
  for (const path of apis) {
    const model = joiner.model(path);
    files.set(`tables/${model.file}.json`, tableText(model));
    files.set(`types/${model.file}.ts`, typesText(model));
  }
  return files;
}

/** Made files that stand in the folders: those named `group-version`. */
function existingFiles(): string[] {
  return ['tables', 'types']
    .filter((folder) => existsSync(join(schemaFolder, folder)))
    .flatMap((folder) => readdirSync(join(schemaFolder, folder)).map((name) => `${folder}/${name}`))
    .filter((name) => /\/[a-z]+-v\d\w*\.(json|ts)$/.test(name));
}

function differences(files: ReadonlyMap<string, string>): string[] {
  const changed = [...files].filter(([name, text]) => {
    const path = join(schemaFolder, name);
    return !existsSync(path) || readFileSync(path, 'utf8') !== text;
  });
  const gone = existingFiles().filter((name) => !files.has(name));
  return [...changed.map(([name]) => name), ...gone].sort();
}

function write(files: ReadonlyMap<string, string>): void {
  for (const folder of ['tables', 'types']) mkdirSync(join(schemaFolder, folder), { recursive: true });
  for (const name of existingFiles()) if (!files.has(name)) rmSync(join(schemaFolder, name));
  for (const [name, text] of files) writeFileSync(join(schemaFolder, name), text);
}

const files = await generate();
const changed = differences(files);
if (process.argv.includes('--check')) {
  for (const name of changed) console.error(`${name} is not what the generator makes`);
  process.exitCode = changed.length === 0 ? 0 : 1;
} else {
  write(files);
  console.log(`${files.size} files, ${changed.length} changed`);
}
