/** `--base`: an image that this machine's node has, or pulls with its own mirrors and credentials. */
import path from 'node:path';
import process from 'node:process';
import type { BaseImage } from '../../build/build.ts';
import type { Home } from '../../home.ts';
import { architectureOf } from '../../images/platform.ts';
import { readImage } from '../../images/read-image.ts';
import { normalizeImageName } from '../../images/reference.ts';
import { withRuntime } from '../image.ts';
import { exportTo, pullOne } from '../image-store.ts';

/** @param work gets its layers @throws UserError where no node runs, or the registry does not give the image */
export async function readBase(home: Home, image: string, work: string): Promise<BaseImage> {
  const name = normalizeImageName(image);
  await withRuntime(home, async (runtime) => {
    if ((await runtime.imageStatus(name)) === undefined) await pullOne(home, runtime, name);
  });
  const archive = path.join(work, 'base.tar');
  await exportTo(home, [name], archive);
  const base = await readImage(archive, path.join(work, 'base'), architectureOf(process.arch));
  const saysNode = base.config.Env?.some((entry) => entry.startsWith('NODE_VERSION='));
  const notes = saysNode ? [] : [`${image} does not say which Node.js it has (NODE_VERSION): engines was not checked`];
  return { ...base, notes };
}
