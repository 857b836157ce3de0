/** What every expression of Kubernetes knows beside the language: all of upstream's function libraries. */
import type { CelLibrary } from '../../../lib/cel/declarations.ts';
import { authorizerLibrary } from './authorizer.ts';
import { formatLibrary } from './formats.ts';
import { listLibrary } from './lists.ts';
import { cidrLibrary, ipLibrary } from './networks.ts';
import { quantityLibrary } from './quantity.ts';
import { regexLibrary } from './regex.ts';
import { semverLibrary } from './semver.ts';
import { urlLibrary } from './urls.ts';

export const kubernetesLibraries: readonly CelLibrary[] = [
  urlLibrary,
  regexLibrary,
  listLibrary,
  authorizerLibrary,
  quantityLibrary,
  ipLibrary,
  cidrLibrary,
  formatLibrary,
  semverLibrary,
];
