/** For tests: Compose files in memory, and what becomes of them. */
import path from 'node:path';
import type { KubeObject } from '../api/object.ts';
import type { Container, PodSpec, PodTemplateSpec, Service } from '../api/schema/types/core-v1.ts';
import type { Application } from '../deploy/application.ts';
import { ManifestError } from '../manifests/source-object.ts';
import { type ComposeOptions, composeApplication } from './compose.ts';
import type { ComposeFiles } from './files.ts';

/** By absolute path; folders are those that hold something. */
export function memoryFiles(texts: Readonly<Record<string, string | Buffer>>): ComposeFiles {
  const isFolder = (folder: string): boolean => Object.keys(texts).some((file) => file.startsWith(`${folder}/`));
  return {
    kindOf: async (file) => (file in texts ? 'file' : isFolder(file) ? 'folder' : undefined),
    read: async (file) => {
      const text = texts[file];
      if (text === undefined) throw new ManifestError(`${file}: there is no such file`);
      return Buffer.from(text);
    },
    list: async (folder) => {
      const below = Object.keys(texts).filter((file) => file.startsWith(`${folder}/`));
      const names = new Set(below.map((file) => file.slice(folder.length + 1).split('/')[0] ?? ''));
      return [...names].toSorted().map((name) => {
        const kind = path.join(folder, name) in texts ? ('file' as const) : ('folder' as const);
        return { name, kind };
      });
    },
  };
}

/** `texts` by path below `/shop`; `compose.yaml` is the file, unless `options` name others. */
export function applicationOf(
  texts: Readonly<Record<string, string | Buffer>>,
  options: Partial<ComposeOptions> = {},
): Promise<Application> {
  const absolute = Object.entries(texts).map(([name, text]) => [path.resolve('/shop', name), text] as const);
  const files = options.files ?? ['compose.yaml'];
  return composeApplication(
    { directory: '/shop', environment: {}, ...options, files: files.map((file) => path.resolve('/shop', file)) },
    memoryFiles(Object.fromEntries(absolute)),
  );
}

export interface Translated extends Application {
  readonly kinds: readonly string[];
  /** @throws where there is none */
  object<T extends KubeObject>(kind: string, name: string): T;
  template(name?: string): PodTemplateSpec;
  pod(name?: string): PodSpec;
  container(name?: string): Container;
  service(name?: string): Service;
}

/** One service, `web`, with an image; `body` is what else it says, and `rest` what stands at the top level. */
export async function translated(
  body: string,
  rest = '',
  texts: Readonly<Record<string, string | Buffer>> = {},
): Promise<Translated> {
  const indented = body.replace(/^/gm, '    ');
  const image = /^(image|build|provider):/m.test(body) ? '' : '    image: example/web:1\n';
  const text = `services:\n  web:\n${image}${indented}\n${rest}`;
  return translatedFile(text, texts);
}

export async function translatedFile(
  text: string,
  texts: Readonly<Record<string, string | Buffer>> = {},
  options: Partial<ComposeOptions> = {},
): Promise<Translated> {
  const application = await applicationOf({ 'compose.yaml': text, ...texts }, options);
  const objects = application.objects.map(({ object }) => object);
  const find = (accept: (object: KubeObject) => boolean, what: string): KubeObject => {
    const found = objects.find(accept);
    if (found === undefined) throw new Error(`there is no ${what}`);
    return found;
  };
  const template = (name = 'web'): PodTemplateSpec => {
    const isWorkload = ({ kind = '', metadata }: KubeObject): boolean =>
      ['Deployment', 'DaemonSet', 'Job'].includes(kind) && metadata?.labels?.['app.kubernetes.io/name'] === name;
    const { spec } = find(isWorkload, `workload ${name}`) as { readonly spec?: { readonly template: PodTemplateSpec } };
    return spec?.template ?? {};
  };
  const pod = (name?: string): PodSpec => template(name).spec ?? { containers: [] };
  return {
    ...application,
    kinds: objects.map(({ kind = '', metadata }) => `${kind}/${metadata?.name}`),
    object: <T extends KubeObject>(kind: string, name: string) =>
      find((object) => object.kind === kind && object.metadata?.name === name, `${kind}/${name}`) as T,
    template,
    pod,
    container: (name) => pod(name).containers[0] ?? { name: '' },
    service: (name = 'web') =>
      find(({ kind, metadata }) => kind === 'Service' && metadata?.name === name, `Service/${name}`),
  };
}
