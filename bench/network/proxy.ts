/**
 * The service proxy: how long the first program of all Services takes, and one changed endpoint after it. In a network namespace of its own, so it needs
 * root. The baseline is nft alone with the same commands from a file, in the same run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Figure } from '../figure.ts';
import { agentProgram } from './agent-program.ts';
import type { ProxyTimes } from './proxy-node.ts';

export function proxyFigures({ small }: { readonly small: boolean }): readonly Figure[] {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return [];
  const [services, endpoints, changes] = small ? [200, 3, 20] : [10_000, 5, 200];
  const times = measure(services, endpoints, changes);
  const of = `${services} Services of ${endpoints} endpoints`;
  return [
    figure(`first program of ${of}`, times.firstMs, times.plainFirstMs),
    figure(
      `one endpoint changed among ${of}, median`,
      quantile(times.changesMs, 0.5),
      quantile(times.plainChangesMs, 0.5),
    ),
    figure(
      `one endpoint changed among ${of}, p99`,
      quantile(times.changesMs, 0.99),
      quantile(times.plainChangesMs, 0.99),
    ),
    {
      bench: 'network',
      figure: `memory of an agent's process with the proxy of ${of}`,
      value: Math.round(times.rssBytes / 1e6),
      unit: 'MB',
    },
  ];
}

function measure(...sizes: readonly number[]): ProxyTimes {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-bench-'));
  try {
    const program = agentProgram('proxy-node.ts', folder);
    const argv = ['--net', '--', ...program, path.join(folder, 'nft'), ...sizes.map(String)];
    return JSON.parse(execFileSync('unshare', argv, { encoding: 'utf8' })) as ProxyTimes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figure(name: string, valueMs: number, baselineMs: number): Figure {
  const [value, baseline] = [valueMs, baselineMs].map((ms) => Number(ms.toFixed(2))) as [number, number];
  return { bench: 'network', figure: name, value, unit: 'ms', baseline, ratio: Number((value / baseline).toFixed(2)) };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
