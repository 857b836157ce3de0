/**
 * npm, run in a copy of the source with the Node.js that the image gets. Install scripts of packages never run: what they do depends on the machine. Why npm failed is
 * told in a sentence; its own last words follow.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { limits } from '../../lib/limits.ts';

const quiet = ['--no-audit', '--no-fund', '--no-progress', '--no-update-notifier', '--loglevel=error'];

/** Exactly what the lock file says. @throws Error with the reason and what to do */
export function installPackages(folder: string, isForBuild: boolean): Promise<void> {
  const which = isForBuild ? '--include=dev' : '--omit=dev';
  return npm(folder, ['ci', which, '--ignore-scripts', '--prefer-offline', ...quiet]);
}

export function runBuildScript(folder: string): Promise<void> {
  return npm(folder, ['run', 'build', '--loglevel=error']);
}

/** Leaves what the application needs when it runs. */
export function pruneDevelopment(folder: string): Promise<void> {
  return npm(folder, ['prune', '--omit=dev', '--ignore-scripts', '--offline', ...quiet]);
}

function npm(folder: string, args: readonly string[]): Promise<void> {
  const { NODE_ENV: _production, NODE_COMPILE_CACHE: _cache, NODE_OPTIONS: _options, ...environment } = process.env;
  const env = { ...environment, PATH: `${path.dirname(process.execPath)}:${environment['PATH'] ?? ''}` };
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env, timeout: limits.buildStepMsMax, maxBuffer: 64 << 20 };
    const child = execFile('npm', args, options, (error, stdout, stderr) => {
      if (error === null) resolve();
      else
        reject(
          new Error(explainNpm(`npm ${args.slice(0, 2).join(' ')}`, error, `${stderr}\n${stdout}`), { cause: error }),
        );
    });
    child.stdin?.end();
  });
}

const reasons: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/,
    "npm's registry cannot be reached, and not all packages are in npm's cache: is there a network?",
  ],
  [
    /can only install (?:packages )?(?:with an existing|when your package\.json)/,
    'package.json and its lock file do not agree: run npm install and keep the lock file that it writes',
  ],
  [
    /\b(E401|E403|ENEEDAUTH)\b/,
    'the registry wants a sign-in: put it into .npmrc beside package.json (it does not come into the image)',
  ],
  [/\b(E404|ETARGET)\b/, 'the registry does not have a package that the lock file names'],
  [/\bEINTEGRITY\b/, 'a package is not what the lock file says that it is: its digest differs'],
  [/\bENOSPC\b|no space left/, 'the disk is full'],
  [/\bEBADENGINE\b/, 'a package wants another Node.js'],
];

/** Pure. */
export function explainNpm(
  command: string,
  error: { readonly code?: unknown; readonly killed?: boolean },
  output: string,
): string {
  if (error.code === 'ENOENT')
    return 'npm was not found, and installs the packages: apt-get install npm, or install Node.js with npm';
  if (error.killed === true)
    return `${command} took longer than ${limits.buildStepMsMax / 60_000} minutes, and was ended`;
  const words = output
    .split('\n')
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/^A complete log|^Log files|debug-\d+\.log|^code /.test(line));
  const reason = reasons.find(([pattern]) => pattern.test(output))?.[1];
  const last = words.slice(0, 6).join('; ').slice(0, 1000);
  return reason === undefined
    ? `${command} failed: ${last}`
    : `${reason} (${command}: ${words[0]?.slice(0, 200) ?? ''})`;
}
