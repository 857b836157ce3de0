/**
 * What an application is started with, in npm's order: `scripts.start`, a single `bin`, `main`, `server.js`, `index.js`. The program is started itself and not by
 * npm or a shell, which would keep the signal that ends a pod to themselves; a script that only a shell can run gets one, and that is told. Pure.
 */
import type { PackageFile } from './package-file.ts';

export interface StartCommand {
  readonly command: readonly string[];
  /** What the script sets before its program. */
  readonly env: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

const referencesDeepMax = 8;

/** @param has whether the image holds this file @throws Error that says what package.json lacks */
export function startCommand(file: PackageFile, has: (path: string) => boolean): StartCommand {
  const { start } = file.scripts;
  if (start !== undefined) {
    const notes = ['prestart', 'poststart']
      .filter((name) => name in file.scripts)
      .map((name) => `scripts.${name} is not run`);
    const found = scriptCommand(start, file.scripts, 0);
    return checked({ ...found, notes: [...notes, ...found.notes] }, 'scripts.start', has);
  }
  const node = (target: string, said: string): StartCommand =>
    checked({ command: ['node', target], env: {}, notes: [] }, said, has);
  const programs = Object.values(file.bin);
  if (programs.length === 1 && programs[0] !== undefined) return node(programs[0], 'bin');
  if (file.main !== undefined) return node(file.main, 'main');
  const usual = ['server.js', 'index.js', 'server.ts', 'index.ts'].find(has);
  if (usual !== undefined) return node(usual, usual);
  throw new Error(
    'package.json does not say what starts the application: give it a start script, as "scripts": {"start": "node server.js"}',
  );
}

/** `npm start`, `npm run NAME`, with arguments for the script behind `--`. */
const reference =
  /^npm(?:\s+--?(?:silent|s|quiet))*\s+(?:run(?:-script)?(?:\s+--?(?:silent|s|quiet))*\s+([\w:.-]+)|(start))(?:\s+--\s+(.*))?$/;

/** They install; an image is installed already, and has none of them. */
const installers: ReadonlySet<string> = new Set(['npm', 'npx', 'yarn', 'pnpm', 'pnpx', 'bun', 'bunx', 'corepack']);

function scriptCommand(text: string, scripts: Readonly<Record<string, string>>, depth: number): StartCommand {
  const referred = reference.exec(text.trim());
  const name = referred?.[1] ?? referred?.[2];
  if (name !== undefined) {
    const script = scripts[name];
    if (script === undefined) throw new Error(`package.json has no script ${name}, which its start script runs`);
    if (depth >= referencesDeepMax) throw new Error(`the scripts of package.json run each other without end (${name})`);
    return scriptCommand(`${script} ${referred?.[3] ?? ''}`.trim(), scripts, depth + 1);
  }
  const words = simpleWords(text);
  if (words === undefined || words.length === 0) {
    const note =
      'its start script is run by a shell, which does not pass on the signal that ends a pod: a start script with one plain command does';
    return { command: ['/bin/sh', '-c', text], env: {}, notes: [note] };
  }
  const first = words.findIndex((word) => !/^\w+=/.test(word));
  if (first < 0) throw new Error(`the start script runs nothing: ${text}`);
  const env = Object.fromEntries(
    words.slice(0, first).map((word) => [word.replace(/=.*/s, ''), word.replace(/^\w+=/, '')]),
  );
  const command = words
    .slice(first)
    .filter((word, index) => !(index === 0 && (word === 'exec' || word === 'cross-env')));
  if (installers.has(command[0] ?? '')) {
    throw new Error(
      `the start script runs ${command[0]}, which the image does not have: name the program itself (${text})`,
    );
  }
  return { command, env, notes: [] };
}

/** Undefined where only a shell understands it: variables, pipes, several commands, patterns. */
function simpleWords(text: string): string[] | undefined {
  const words: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const match = /^(?:[^\s'"\\$`|&;<>(){}*?[\]~#!]|'[^']*'|"[^"\\$`]*")+/.exec(rest);
    if (match === null) return undefined;
    words.push(
      match[0].replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
    );
    rest = rest.slice(match[0].length);
    if (rest !== '' && !/^\s/.test(rest)) return undefined;
    rest = rest.trimStart();
  }
  return words;
}

/** A file that is started and is not there would be found out only by a pod that crashes. */
function checked(start: StartCommand, said: string, has: (path: string) => boolean): StartCommand {
  const [program, target] = start.command;
  if (program !== 'node' || target === undefined || target.startsWith('-') || target.startsWith('/')) return start;
  const file = target.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  const places = [file, `${file}.js`, `${file}.json`, `${file}/index.js`, ...(file === '.' ? ['index.js'] : [])];
  if (places.some(has)) return start;
  throw new Error(
    `${said} of package.json starts ${target}, and the image would not hold that file: is it made by a build script, or named in .dockerignore?`,
  );
}
