/**
 * Makes the agent's program of the folder that this program runs from, a checkout or the npm package. What code finds beside its source by `import.meta`
 * keeps its place below the program's own folder, wherever that is unpacked.
 */
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { programVersion } from '../../version.ts';
import { type AgentProgram, mainFile } from './archive.ts';

const main = fileURLToPath(new URL('./agent-main.ts', import.meta.url));
const dialer = fileURLToPath(new URL('../../../agent/cri/pod-network-dialer.ts', import.meta.url));
/** `src`, or `dist` of the package. */
const sources = path.resolve(import.meta.dirname, '../../..');
const root = path.dirname(sources);

/** In two parts: the bundler of this very program must not take it for its own. */
const meta = ['import', 'meta'].join('.');

/** What the code of an agent reads beside itself. */
const companions = ['agent/**/*.proto', 'api/schema/tables/*.json'] as const;

export async function buildAgentProgram(): Promise<AgentProgram> {
  // Loaded at run time: the bundler cannot be bundled.
  const { build } = createRequire(path.join(root, 'package.json'))('esbuild') as typeof import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [main],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    logLevel: 'silent',
    absWorkingDir: root,
    banner: { js: banner },
    plugins: [
      {
        name: 'own-places',
        setup(bundler) {
          const filter = new RegExp(`^${RegExp.escape(sources)}[/\\\\].*\\.(ts|js)$`);
          bundler.onLoad({ filter }, ({ path: file }) => ({
            loader: file.endsWith('.ts') ? 'ts' : 'js',
            contents: placed(readFileSync(file, 'utf8'), inProgram(file)),
          }));
        },
      },
    ],
  });
  const code = asAscii(outputFiles[0]?.text ?? '');
  const beside = companions.flatMap((pattern) =>
    globSync(pattern, { cwd: sources }).map((name) => path.join(sources, name)),
  );
  const files = new Map([[mainFile, Buffer.from(code)]]);
  for (const file of [...beside, dialer, path.join(root, 'package.json')])
    files.set(inProgram(file), readFileSync(file));
  return { version: programVersion(), files };
}

const inProgram = (file: string): string => path.relative(root, file).split(path.sep).join('/');

/** `import.meta` of a source, told of the one module that all become. */
function placed(text: string, file: string): string {
  const folder = path.posix.dirname(file);
  return text
    .replaceAll(`${meta}.dirname`, `(${meta}.dirname + ${JSON.stringify(`/${folder}`)})`)
    .replaceAll(`${meta}.url`, `new URL(${JSON.stringify(file)}, ${meta}.url).href`);
}

/** Packages written for CommonJS expect these. */
const banner = `import { createRequire as makeRequire } from 'node:module';
const require = makeRequire(${meta}.url);
const __filename = ${meta}.filename;
const __dirname = ${meta}.dirname;`;

/** The runtime keeps a source with two bytes for each character as soon as one is no Latin letter. */
const asAscii = (source: string): string =>
  source.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
