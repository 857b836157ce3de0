/** An object as a file has it, with the place it came from. */
import type { KubeObject } from '../api/object.ts';

export interface SourceObject {
  readonly object: KubeObject;
  /** For errors: `shop/web.yaml:12`, a line where there is one. */
  readonly from: string;
}

/** What is wrong with a file that somebody wrote, as one sentence that names the file and, where it is known, the line. */
export class ManifestError extends Error {
  override name = 'ManifestError';
}
