/**
 * Makes an image from programs of this machine and what they need to start: a way to run things where no registry is within
 * reach, and the way naru's own tests get their images.
 *
 * A program keeps its path. Its loader and libraries come along (`library-search.ts`), for a script its interpreter, for
 * busybox the links of its applets. Where this machine's `/bin`, `/lib` … are links into `/usr`, the image's are, too.
 * What a program only opens at run time (plugins, data) must be named in `files`.
 */
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { type ImageConfig, type WrittenImage, writeImageArchive } from './archive-writer.ts';
import { addProgram, addTree, findProgram, ImageRoot, mergedFolders, searchFolders } from './image-root.ts';
import { architectureOf } from './platform.ts';
import { addSystemFiles } from './system-files.ts';

export interface PackOptions {
  readonly name: string;
  /** Paths, or names to look up in the standard folders. */
  readonly programs: readonly string[];
  /** Files and folders of this machine, and where in the image they go; folders with all that is in them. */
  readonly files?: readonly { readonly source: string; readonly target: string }[];
  /** Default: the first program. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** `UID[:GID]`, or the name of a user of this machine. */
  readonly user?: string;
  /** What a container is told to end with, such as `SIGQUIT`; SIGTERM where absent. */
  readonly stopSignal?: string;
  /** Adds this machine's certificate authorities, for programs that speak TLS. */
  readonly caCertificates?: boolean;
  /** The archive to write. */
  readonly output: string;
}

export interface PackedImage extends WrittenImage {
  /** Libraries that were not found, `NAME, needed by FILE`: the program may not start. */
  readonly missing: readonly string[];
}

/** @throws Error that names the program or file that is not there */
export async function packImage(options: PackOptions): Promise<PackedImage> {
  const root = new ImageRoot(await mergedFolders());
  const programs: string[] = [];
  for (const name of options.programs) programs.push(await findProgram(name));
  const [first] = programs;
  if (first === undefined) throw new Error('an image needs at least one program');
  for (const program of programs) await addProgram(root, program);
  for (const { source, target } of options.files ?? []) await addTree(root, resolve(source), target);
  await addSystemFiles(root, options);
  const written = await writeImageArchive(
    {
      names: [options.name],
      architecture: architectureOf(process.arch),
      config: imageConfig(options, first),
      layers: [{ entries: root.entries() }],
    },
    options.output,
  );
  return { ...written, missing: root.missing };
}

function imageConfig(options: PackOptions, program: string): ImageConfig {
  const env = { PATH: searchFolders.join(':'), ...options.env };
  return {
    Entrypoint: options.entrypoint ?? [program],
    ...(options.command === undefined ? {} : { Cmd: options.command }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: options.workdir ?? '/',
    ...(options.user === undefined ? {} : { User: options.user }),
    ...(options.stopSignal === undefined ? {} : { StopSignal: signalName(options.stopSignal) }),
  };
}

/** Runtimes read the name, with or without SIG; one that they do not know, they would find out about only when a container is to end. */
export function signalName(text: string): string {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  if (!(name in constants.signals)) throw new Error(`there is no signal ${text}; signals have names such as SIGQUIT`);
  return name;
}
