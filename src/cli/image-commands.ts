/** `naru image …` with its options and help. */
import { type Command, Option } from 'commander';
import type { Home } from '../home.ts';

export function imageCommands(program: Command, home: Home): void {
  const image = program.command('image').description("this machine's images: with a registry, and without one");
  image
    .command('list')
    .description('list the images on this machine')
    .addOption(new Option('-o, --output <format>', 'print more, for programs').choices(['json']))
    .action(async (options) => (await import('./image-store.ts')).list(home, options));
  image
    .command('pull <image...>')
    .description('pull images from their registries, for every pod of this machine')
    .option('--username <name>', 'sign in to the registry with this name')
    .option('--password-stdin', 'and with the password that comes by standard input')
    .addHelpText('after', `\nCredentials of the node, for every pull: ${home.registries}, ${home.node}/config.json.`)
    .action(async (names, options) => (await import('./image-store.ts')).pull(home, names, options));
  image
    .command('import <file...>')
    .description(
      'load OCI or docker archives (plain or compressed; - for standard input) so that pods can use their images',
    )
    .option('--name <reference>', 'the name to give to it, where the archive names none')
    .action(async (files, options) => (await import('./image.ts')).importFiles(home, files, options));
  image
    .command('export <image...>')
    .description('write images into one OCI archive, which naru image import and docker load read')
    .requiredOption('-o, --output <file>', 'the archive; - for standard output')
    .action(async (names, options) => (await import('./image-store.ts')).exportImages(home, names, options));
  image
    .command('remove <image...>')
    .description('remove images, each with all of its names')
    .option('--force', 'also those that containers use; they go on without')
    .action(async (names, options) => (await import('./image-store.ts')).remove(home, names, options));
  image
    .command('pack <program...>')
    .description('make an image from programs on this machine and the libraries they need')
    .requiredOption('--name <reference>', "the image's name, such as example/web:1")
    .option('-o, --output <file>', 'write the archive here; without it, the image is imported at once')
    .option('--file <path...>', 'copy this file or folder into the image, as PATH or PATH:TARGET')
    .option('--env <name=value...>', 'set an environment variable')
    .option('--entrypoint <argument...>', 'what the image runs; the first program where absent')
    .option('--cmd <argument...>', 'arguments that a pod may replace')
    .option('--workdir <path>', 'the working directory')
    .option('--user <user>', 'the user, as name or number')
    .option('--stop-signal <signal>', 'what a container is told to end with; SIGTERM where absent')
    .action(async (programs, options) => (await import('./image.ts')).pack(home, programs, options));
}
