/** `post_start` and `pre_stop` as hooks of the container's life. Kubernetes runs one command each: several become a script. */
import type { Lifecycle } from '../../api/schema/types/core-v1.ts';
import type { Hook, Service } from '../model.ts';

export function lifecycleOf(service: Service): Lifecycle | undefined {
  const post = commandOf(service.post_start ?? []);
  const pre = commandOf(service.pre_stop ?? []);
  if (post === undefined && pre === undefined) return undefined;
  return {
    ...(post && { postStart: { exec: { command: post } } }),
    ...(pre && { preStop: { exec: { command: pre } } }),
  };
}

function commandOf(hooks: readonly Hook[]): string[] | undefined {
  const [first] = hooks;
  if (first === undefined) return undefined;
  const isPlain = hooks.length === 1 && first.working_dir === undefined && first.environment === undefined;
  return isPlain
    ? [...(first.command ?? [])]
    : ['/bin/sh', '-c', hooks.map((hook) => `(${lineOf(hook)})`).join(' && ')];
}

function lineOf({ command = [], working_dir: folder, environment = {} }: Hook): string {
  const variables = Object.entries(environment).map(([name, value]) => quoted(`${name}=${value}`));
  const words = [...(variables.length > 0 ? ['env', ...variables] : []), ...command.map(quoted)].join(' ');
  return folder === undefined ? words : `cd ${quoted(folder)} && ${words}`;
}

const quoted = (word: string): string => (/^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
