/**
 * Makes `dist/`, what the npm package consists of: JavaScript and declarations of all that `naru` and `naru/operator` need. Node.js strips types of no file
 * below `node_modules`, so that a package cannot be its sources. Run by `npm pack`; nothing in the repository reads `dist/`.
 *
 * A file becomes a file, and what code finds beside its source (tables, protocol files, Lua) goes along, so that every relative path holds.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';

const root = path.dirname(import.meta.dirname);
const source = path.join(root, 'src');
const dist = path.join(root, 'dist');
/** What the package's `exports` name. */
const entries = ['cluster.ts', 'operator/index.ts', 'operator/testing.ts'];

const isOfTests = (file: string): boolean =>
  /(\.test|\/testing|-testing)\.ts$/.test(`/${file}`) && !entries.includes(file);

/** `./x.ts` in imports and in URLs beside the source. */
const asJavaScript = (text: string): string => text.replace(/(["'])(\.{1,2}\/[^"'\n]+)\.ts\1/g, '$1$2.js$1');

function rewrite(pattern: string): void {
  for (const name of globSync(pattern, { cwd: dist })) {
    const file = path.join(dist, name);
    writeFileSync(file, asJavaScript(readFileSync(file, 'utf8')));
  }
}

/** @throws Error with the compiler's words */
function declare(): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-package-'));
  try {
    const project = path.join(folder, 'tsconfig.json');
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: source,
      outDir: dist,
      typeRoots: [path.join(root, 'node_modules/@types')],
    };
    const files = entries.map((entry) => path.join(source, entry));
    writeFileSync(
      project,
      JSON.stringify({ extends: path.join(root, 'tsconfig.json'), compilerOptions, include: [], files }),
    );
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [compiler, '--project', project], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the declarations could not be made:\n${stdout}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

rmSync(dist, { recursive: true, force: true });
const all = globSync('**/*', { cwd: source, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(source, path.join(entry.parentPath, entry.name)))
  .filter((file) => !isOfTests(file));
const isCode = (file: string): boolean => file.endsWith('.ts');
await build({
  entryPoints: all.filter(isCode).map((file) => path.join(source, file)),
  outdir: dist,
  outbase: source,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  logLevel: 'error',
});
for (const file of all.filter((each) => !isCode(each))) cpSync(path.join(source, file), path.join(dist, file));
cpSync(path.join(root, 'tools/environment.sh'), path.join(dist, 'environment.sh'));
declare();
rewrite('**/*.js');
rewrite('**/*.d.ts');
