/** Which Go packages the tables are made from, and where each comes from. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fetchDebianPackage, unpackedVersion } from '../debian-package.ts';
import { type GoPackage, readGoPackage } from './go-package.ts';

/** Debian packages and the Go packages to read in each; `*` stands for each folder that holds API types. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  'golang-k8s-api-dev': ['k8s.io/api/*/*'],
  'golang-k8s-apimachinery-dev': [
    'k8s.io/apimachinery/pkg/apis/meta/v1',
    'k8s.io/apimachinery/pkg/types',
    'k8s.io/apimachinery/pkg/watch',
  ],
  'golang-k8s-apiextensions-apiserver-dev': ['k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1'],
  'golang-k8s-metrics-dev': ['k8s.io/metrics/pkg/apis/metrics/v1beta1'],
};

/** Read so that other packages' types resolve, but no API of their own. */
const supporting: ReadonlySet<string> = new Set(['k8s.io/apimachinery/pkg/types', 'k8s.io/apimachinery/pkg/watch']);

export interface Sources {
  readonly packages: readonly GoPackage[];
  /** The paths of those that become tables. */
  readonly apis: readonly string[];
}

export async function readSources(cacheDir: string): Promise<Sources> {
  const packages: GoPackage[] = [];
  for (const [name, patterns] of Object.entries(wanted)) {
    const folder = await fetchDebianPackage({ name, cacheDir });
    const root = join(folder, 'usr/share/gocode/src');
    const origin = `${name} ${unpackedVersion(folder)}`;
    for (const path of patterns.flatMap((pattern) => matches(root, pattern))) {
      packages.push(readGoPackage(path, join(root, path), origin));
    }
  }
  packages.push(kubeAggregator());
  return { packages, apis: packages.map(({ path }) => path).filter((path) => !supporting.has(path)) };
}

/** Debian has no package of kube-aggregator's: the declarations stand beside this file. */
function kubeAggregator(): GoPackage {
  const folder = 'kube-aggregator/v1';
  return readGoPackage(
    'k8s.io/kube-aggregator/pkg/apis/apiregistration/v1',
    join(import.meta.dirname, folder),
    `tools/generate-schema/${folder}`,
  );
}

function matches(root: string, pattern: string): string[] {
  let paths = [''];
  for (const part of pattern.split('/')) {
    paths = paths.flatMap((path) =>
      (part === '*' ? folders(join(root, path)) : [part]).map((each) => join(path, each)),
    );
  }
  return paths.filter((path) => existsSync(join(root, path, 'register.go')) || !pattern.includes('*'));
}

function folders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
