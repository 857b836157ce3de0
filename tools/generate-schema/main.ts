/**
 * `npm run generate-schema`: makes `src/api/schema/tables` and `src/api/schema/types` from upstream's Go and protobuf
 * declarations (ARCHITECTURE.md, D1). With `--check` it writes nothing and exits with 1 when the committed files are not
 * what it would write. Files there that it does not make (`resources.json`) are left alone.
 *
 * `--crds FOLDER` reads CustomResourceDefinitions, too (those of the Gateway API, which upstream publishes as files); without it, what was made of
 * them before stays.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { customModels, customOrigin } from './custom-resources.ts';
import { tableText } from './emit-tables.ts';
import { typesText } from './emit-types.ts';
import { Joiner } from './join.ts';
import { readSources } from './sources.ts';

const project = join(import.meta.dirname, '../..');
const schemaFolder = join(project, 'src/api/schema');

const customFolder = process.argv[process.argv.indexOf('--crds') + 1];
const withCustom = process.argv.includes('--crds');

async function generate(): Promise<Map<string, string>> {
  const { packages, apis } = await readSources(join(project, '.cache'));
  const joiner = new Joiner(packages);
  const files = new Map<string, string>();
  const custom = withCustom && customFolder !== undefined ? customModels(customFolder) : [];
  for (const model of [...apis.map((path) => joiner.model(path)), ...custom]) {
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
    .filter((name) => /\/[a-z]+-v\d\w*\.(json|ts)$/.test(name))
    .filter((name) => withCustom || !isCustom(name));
}

/** The head of a table and of its types names what they were made from. */
function isCustom(name: string): boolean {
  return readFileSync(join(schemaFolder, name), 'utf8').slice(0, 200).includes(customOrigin);
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
