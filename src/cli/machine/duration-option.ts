/** Times as people write them in options: `30s`, `5m`, `24h`, `7d`, `1h30m`. Pure. */
import { UsageError } from '../exit-code.ts';

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const msMax = 3650 * 86_400_000;

/** Milliseconds; `0`: without an end. @throws UsageError that names the option */
export function parseDuration(option: string, text: string): number {
  if (text === '0') return 0;
  const parts = /^(\d{1,6}[smhd])+$/.test(text) ? [...text.matchAll(/(\d+)([smhd])/g)] : [];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
  if (ms > 0 && ms <= msMax) return ms;
  throw new UsageError(
    `${option} takes a time such as 30s, 5m, 24h or 7d, or 0 for no end, and got ${text.slice(0, 40)}`,
  );
}
