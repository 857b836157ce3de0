/** `naru release`: a finalizer is taken away by hand, after saying what that leaves behind. Only from what is being deleted, and only the one that is named. */
import type { KubeObject } from '../../api/object.ts';
import { knownFinalizer } from '../../explain/deletion/finalizers.ts';
import { listed } from '../../explain/words.ts';
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { parseObjectWords } from '../cluster/object-names.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { targetOf } from '../cluster/targets.ts';
import { UsageError } from '../exit-code.ts';
import { canAsk, confirm } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';

export interface ReleaseOptions extends ConnectionOptions {
  readonly finalizer: string;
  readonly yes?: boolean;
}

export async function release(home: Home, word: string, options: ReleaseOptions): Promise<void> {
  const parsed = parseObjectWords([word]);
  const only = parsed.kind === 'objects' ? parsed.objects[0] : undefined;
  if (only === undefined) throw new UsageError(`"${word}" is not of the form TYPE/NAME`);
  await withApi(home, options, async ({ client, namespace }) => {
    const target = targetOf(await new ResourceFinder(client).byName(only.type), only.name, namespace);
    const object = await client.get<KubeObject>(target.resource, target);
    const left = without(object, options.finalizer, word);
    await agree(options, word);
    const { uid, resourceVersion } = object.metadata ?? {};
    // With the version that was read: whoever changed it meanwhile is not overwritten.
    const body = { metadata: { uid, resourceVersion, finalizers: left.length === 0 ? null : left } };
    await client.patch(target.resource, target, { type: 'merge', body }, { fieldManager: 'naru' });
    const rest = left.length === 0 ? 'nothing holds it any more' : `still held by ${listed(left)}`;
    console.log(`${word}: the finalizer ${options.finalizer} is taken away; ${rest}.`);
  });
}

function without({ metadata }: KubeObject, finalizer: string, word: string): string[] {
  const { finalizers = [], deletionTimestamp } = metadata ?? {};
  if (!finalizers.includes(finalizer)) {
    throw new UserError(
      `${word} has no finalizer "${finalizer}"; ${finalizers.length === 0 ? 'it has none' : `it has ${listed(finalizers)}`}`,
    );
  }
  if (deletionTimestamp === undefined) {
    throw new UserError(`${word} is not being deleted: its finalizer waits for that, and is left where it is`);
  }
  return finalizers.filter((one) => one !== finalizer);
}

async function agree({ yes, finalizer }: ReleaseOptions, word: string): Promise<void> {
  if (yes === true) return;
  const known = knownFinalizer(finalizer);
  const leaves = known?.leaves ?? 'whatever its controller was to clean up stays, and nobody knows of it';
  if (!canAsk()) throw new UserError(`without "${finalizer}" ${leaves}; if that is meant, say --yes`);
  await confirm(`Without "${finalizer}" ${leaves}. Take it off ${word}?`, `${word} was left as it is`, 'no');
}
