/**
 * Puts programs and all that they load into few files, which start in a third of the time of some four hundred.
 *
 *   tools/node tools/bundle.ts --part NAME             a part of the command line, for the launcher, which knows when it must be made again
 *   tools/node tools/bundle.ts OUTPUT --entry FILE     any program, as one file
 *
 * The parts: `commands` is the command line, split so that a command loads what it needs and no more. What runs for long (`run`, `agent`,
 * `simulate`) is one file each: all of it is in memory, and a bundle that is made anew takes nothing away from what runs.
 *
 *   node_modules/.cache/naru/
 *     commands -> commands.PID.MS/   main.mjs and its chunks; inputs.sh, what the launcher compares; begun, when the sources were read
 *     run -> run.PID.MS/             run.mjs, likewise
 *
 * Each is made in a folder of its own and comes into use by one rename, so that several may be made at once and none is seen half done.
 * Code finds its companions (tables, protocol files, workers) beside its source by `import.meta`: bundles keep these paths.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

const root = path.dirname(import.meta.dirname);
const cache = path.join(root, 'node_modules/.cache/naru');

/** How many folders of a part stay, and how long more than that: commands that still run may load more of theirs, and others may be in the making. */
const keptMax = 4;
const keptMs = 10 * 60_000;

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

const longRunning: readonly string[] = ['run', 'agent', 'simulate'];

/** The commands load those of the other parts from there. */
const otherParts: Plugin = {
  name: 'other-parts',
  setup(bundler) {
    bundler.onResolve({ filter: /^\./ }, ({ path: file, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const inCli = path.relative(path.join(root, 'src/cli'), path.resolve(resolveDir, file));
      const part = longRunning.find((name) => inCli === `${name}.ts`);
      return part === undefined ? undefined : { path: path.join(cache, part, `${part}.mjs`), external: true };
    });
  },
};

/** commander loads the means to run programs (15 ms), which it needs only for commands that are programs of their own: we have none. */
const lazyPrograms: Plugin = {
  name: 'lazy-programs',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? { path: 'child_process', namespace: 'lazy' } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'lazy' }, () => ({
      contents: "export default { get spawn() { return process.getBuiltinModule('node:child_process').spawn; } };",
    }));
  },
};

/** Packages written for CommonJS expect these. */
const banner = `import { createRequire as makeRequire } from 'node:module';
const require = makeRequire(${JSON.stringify(path.join(root, 'package.json'))});
const __filename = ${JSON.stringify(path.join(root, 'package.json'))};
const __dirname = ${JSON.stringify(root)};`;

const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  banner: { js: banner },
  logLevel: 'error',
  absWorkingDir: root,
  metafile: true,
} satisfies BuildOptions;

async function bundlePart(part: string): Promise<void> {
  const isCommands = part === 'commands';
  if (!isCommands && !longRunning.includes(part)) throw new Error(`there is no part ${part}`);
  const folder = path.join(cache, `${part}.${process.pid}.${Date.now()}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(path.join(folder, 'begun'), '');
    const { metafile } = await build({
      ...common,
      entryPoints: { [isCommands ? 'main' : part]: path.join(root, isCommands ? 'src/main.ts' : `src/cli/${part}.ts`) },
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      splitting: isCommands,
      plugins: isCommands ? [otherParts, lazyPrograms, keepPaths] : [keepPaths],
    });
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.mjs'))) makeAscii(path.join(folder, name));
    writeFileSync(path.join(folder, 'inputs.sh'), inputsOf(metafile));
    bringIntoUse(part, folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  removeOld(part);
}

/** For the launcher's shell. The lock file stands for all packages. */
function inputsOf(metafile: Metafile): string {
  const sources = Object.keys(metafile.inputs).filter((file) => file.startsWith('src/'));
  const all = ['package-lock.json', 'tools/bundle.ts', ...sources];
  return `made_for='${root.replaceAll("'", "'\\''")}'\ninputs='${all.join(' ')}'\n`;
}

/** A link changes its target only by another link in its place. */
function bringIntoUse(part: string, folder: string): void {
  const link = `${folder}.link`;
  symlinkSync(path.basename(folder), link);
  renameSync(link, path.join(cache, part));
}

function removeOld(part: string): void {
  const inUse = readlinkSync(path.join(cache, part));
  const madeMs = (name: string): number => Number(name.split('.')[2]);
  const folders = readdirSync(cache).filter((name) => new RegExp(`^${part}\\.\\d+\\.\\d+$`).test(name));
  const spare = folders.toSorted((a, b) => madeMs(b) - madeMs(a)).slice(keptMax);
  for (const name of spare) {
    if (name === inUse || Date.now() - madeMs(name) < keptMs) continue;
    rmSync(path.join(cache, name), { recursive: true, force: true });
  }
}

async function bundleFile(output: string, entry: string): Promise<void> {
  const draft = `${output}.${process.pid}`;
  await build({ ...common, entryPoints: [path.resolve(entry)], outfile: draft, plugins: [keepPaths] });
  makeAscii(draft);
  renameSync(draft, output);
}

/**
 * The runtime keeps the source in memory, with two bytes for each character of 4 MB as soon as one of them is no Latin letter. The bundler
 * escapes them in strings; here in what is left: regular expressions and comments.
 */
function makeAscii(file: string): void {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[\u0080-\uffff]/g, escaped));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { entry: { type: 'string' }, part: { type: 'string' } },
});
const [output] = positionals;
if (values.part === undefined && (output === undefined || values.entry === undefined)) {
  throw new Error('usage: tools/node tools/bundle.ts --part NAME | OUTPUT --entry FILE');
}
try {
  if (values.part !== undefined) await bundlePart(values.part);
  else await bundleFile(output as string, values.entry as string);
} catch (error) {
  // The bundler has said where a source is wrong.
  if (!(error instanceof Error && 'errors' in error)) throw error;
  process.exitCode = 1;
}
