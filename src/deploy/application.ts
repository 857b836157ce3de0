/**
 * What `naru up PATH` was given, whatever form it had (manifests, a kustomization, a Compose file): objects for the cluster, and images that
 * must be there before their pods start. Sources are read by `source.ts`; `deploy.ts` brings them into the cluster and waits until they are healthy.
 */

import type { SourceObject } from '../manifests/source-object.ts';

export type { SourceObject };

export interface Application {
  /** What people call it: the folder's or the Compose project's name. */
  readonly name: string;
  /** In the order in which they are applied. Those of namespaces without one go where the user says. */
  readonly objects: readonly SourceObject[];
  readonly images: readonly ImageRecipe[];
  /** What the user should know: what could not be carried over, and what that means. */
  readonly notes: readonly string[];
}

/** How an image comes to be on this machine without a registry. */
export interface ImageRecipe {
  /** As pods name it: `shop/web:1`. */
  readonly name: string;
  /** Absolute: the folder with the source. */
  readonly context: string;
  /** Relative to the context; absent: the kind of source is found out (package.json, Dockerfile). */
  readonly dockerfile?: string;
  readonly target?: string;
  readonly arguments?: Readonly<Record<string, string>>;
  /** In place of a source: programs out of Debian's packages. */
  readonly debian?: DebianRecipe;
}

export interface DebianRecipe {
  readonly packages: readonly string[];
  /** Packages that these depend on and the image does without; `*` stands for any letters. */
  readonly without?: readonly string[];
  /** Paths in the packages: only these, with the libraries that they need; absent: everything but documentation. */
  readonly programs?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A name (with the number 999) or a number: `redis`, `1000`, `1000:1000`. */
  readonly user?: string;
  /** Made, and the user's own. */
  readonly folders?: readonly string[];
  readonly workdir?: string;
  readonly stopSignal?: string;
}
