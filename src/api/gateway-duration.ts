/** Durations of the Gateway API (GEP-2257): `1h30m`, `10s`, `500ms`; whole numbers, up to four units of at most five digits. */

const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

const whole = /^(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}$/;
const part = /([0-9]{1,5})(h|ms|m|s)/g;

/** In milliseconds; undefined for any other text. */
export function parseGatewayDuration(text: string): number | undefined {
  if (!whole.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit = ''] of text.matchAll(part)) totalMs += Number(count) * (unitsMs[unit] ?? 0);
  return totalMs;
}
