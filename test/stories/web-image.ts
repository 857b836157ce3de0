/** The image of the stories' application (`visit/`): this machine's Node.js and some lines of its own. */
import path from 'node:path';
import process from 'node:process';
import { packImage } from '../../src/images/pack-image.ts';
import { image } from './a-manifests.ts';

export const visitFolder = path.join(import.meta.dirname, 'visit');

/** @returns the archive, to be imported where its pods are to run */
export async function packWeb(folder: string): Promise<string> {
  const archive = path.join(folder, 'web.tar');
  await packImage({
    name: image,
    programs: [process.execPath],
    files: [{ source: visitFolder, target: '/app' }],
    entrypoint: [process.execPath],
    command: ['/app/web.ts'],
    output: archive,
  });
  return archive;
}
