/** `naru build` with its options and help. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Home } from '../../home.ts';

function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('It must be a port from 1 to 65535.');
  }
  return value;
}

export function buildCommands(program: Command, home: Home): void {
  program
    .command('build [folder]')
    .description('make an image from source: a Node.js application without Docker, or by a Dockerfile')
    .option('--name <reference>', "the image's name, such as shop/web:1 (default: the package's or the folder's)")
    .option('-o, --output <file>', 'write the archive here; without it, the image goes into the running node')
    .option('--base <image>', "in place of this machine's Node.js: an image of a registry that has one")
    .option('--port <number>', 'where the application listens that asks for PORT (default: 8080)', port)
    .option('-f, --file <dockerfile>', 'build by this Dockerfile (by buildah, podman or docker)')
    .option('--target <stage>', 'the stage of the Dockerfile that is wanted')
    .option('--build-arg <name=value...>', 'set a variable of the Dockerfile')
    .addHelpText(
      'after',
      `
Examples:
  $ naru build web                               the application in ./web, as web:1.0.0 by its package.json
  $ naru build web --name shop/web:1             under this name, for manifests
  $ naru build web -o web.tar                    an archive: naru image import, docker load and others read it
  $ naru build web --base docker.io/library/node:22-slim
  $ naru build legacy -f Dockerfile.prod         needs buildah (apt-get install buildah), podman or docker

Packages come exactly as the lock file says; .dockerignore says what stays out. A "build" script is run, and what only it needs does not
stay. A folder with naru.yaml is one that naru up builds by itself.`,
    )
    .action(async (folder, options) => (await import('./build.ts')).build(home, folder ?? '.', options));
}
