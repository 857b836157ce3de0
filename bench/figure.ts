/** What a benchmark reports: one line of `npm run bench -- --json` for each. */
export interface Figure {
  readonly bench: string;
  /** What was measured, in a few words; the same from run to run. */
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** The same work done the plain way, in the same run and unit. */
  readonly baseline?: number;
  /** `value / baseline`. */
  readonly ratio?: number;
}

/** The default export of each `*.bench.ts`. `small` runs in seconds and in the tests. */
export interface Benchmark {
  readonly name: string;
  run(options: { readonly small: boolean }): Promise<readonly Figure[]>;
}
