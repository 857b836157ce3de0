/**
 * Puts the command line and all that it loads into one file, which starts in half the time of some four hundred. The launcher runs this when a
 * source is newer than the bundle; where there is no bundle, the sources run as they are. Nothing else depends on it.
 *
 *   tools/node tools/bundle.ts OUTPUT [--entry FILE] [--only COMMAND]
 *
 *   --entry   what to bundle instead of src/main.ts
 *   --only    with what this command of the command line needs, and no other
 *
 * Code finds its companions (tables, protocol files, the worker) beside its source by `import.meta`: the bundle keeps these paths.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';

const root = path.dirname(import.meta.dirname);

const keepPaths: Plugin = {
  name: 'keep-paths',
  setup(bundler) {
    bundler.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path: file }) => ({
      loader: 'ts',
      contents: readFileSync(file, 'utf8')
        .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(file)))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href)),
    }));
  },
};

/** Other commands stay where they are: their sources. Nobody runs them from this bundle. */
const onlyCommand = (command: string): Plugin => ({
  name: 'only-command',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\// }, ({ path: file, kind, importer, resolveDir }) => {
      const isOther =
        kind === 'dynamic-import' && importer.endsWith('/cli/command-line.ts') && file !== `./${command}.ts`;
      return isOther ? { path: path.join(resolveDir, file), external: true } : undefined;
    });
  },
});

/** The launcher reads the first line: a bundle is for one folder. Packages written for CommonJS expect the rest. */
const banner = `// ${root}
import { createRequire as makeRequire } from 'node:module';
const require = makeRequire(${JSON.stringify(path.join(root, 'package.json'))});
const __filename = ${JSON.stringify(path.join(root, 'package.json'))};
const __dirname = ${JSON.stringify(root)};`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { entry: { type: 'string' }, only: { type: 'string' } },
});
const [output] = positionals;
if (output === undefined) throw new Error('usage: tools/node tools/bundle.ts OUTPUT [--entry FILE] [--only COMMAND]');
const draft = `${output}.${process.pid}`;
await build({
  entryPoints: [values.entry ?? path.join(root, 'src/main.ts')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  outfile: draft,
  banner: { js: banner },
  logLevel: 'error',
  plugins: [keepPaths, ...(values.only === undefined ? [] : [onlyCommand(values.only)])],
});
writeFileSync(draft, asAscii(readFileSync(draft, 'utf8')));
renameSync(draft, output);

/**
 * The runtime keeps the source in memory, with two bytes for each character of 4 MB as soon as one of them is no Latin letter. The bundler
 * escapes them in strings; here in what is left: regular expressions and comments.
 */
function asAscii(source: string): string {
  return source.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
