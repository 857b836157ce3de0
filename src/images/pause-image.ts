/** The image that every sandbox runs: one program, `/pause`, for this machine's architecture. */
import { type WrittenImage, writeImageArchive } from './archive-writer.ts';
import { pauseProgram, pauseVersion } from './pause.ts';
import type { Architecture } from './platform.ts';

/** No registry serves it: each node makes it for itself. */
export const pauseImageName = `naru.local/pause:${pauseVersion}`;

export async function writePauseImage(architecture: Architecture, output: string): Promise<WrittenImage> {
  return writeImageArchive(
    {
      names: [pauseImageName],
      architecture,
      config: { Entrypoint: ['/pause'], User: '65535:65535', WorkingDir: '/' },
      layers: [{ entries: [{ path: 'pause', type: 'file', mode: 0o755, content: pauseProgram(architecture) }] }],
    },
    output,
  );
}
