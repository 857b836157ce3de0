/** What `/version` says: which Kubernetes API this is, and which naru. */
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** The Kubernetes API version that naru speaks. */
export const kubernetesVersion = { major: '1', minor: '36', patch: '0' } as const;

const packageText = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
const naruVersion = (JSON.parse(packageText) as { readonly version: string }).version;

export const versionInfo = {
  major: kubernetesVersion.major,
  minor: kubernetesVersion.minor,
  emulationMajor: kubernetesVersion.major,
  emulationMinor: kubernetesVersion.minor,
  minCompatibilityMajor: kubernetesVersion.major,
  minCompatibilityMinor: kubernetesVersion.minor,
  gitVersion: `v${kubernetesVersion.major}.${kubernetesVersion.minor}.${kubernetesVersion.patch}+naru-${naruVersion}`,
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: `node ${process.version}`,
  platform: `${process.platform === 'win32' ? 'windows' : process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const;
