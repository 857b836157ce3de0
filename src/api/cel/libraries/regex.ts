/** Kubernetes' `find` and `findAll` of regular expressions (RE2). */
import { regexCost } from '../../../lib/cel/costs.ts';
import type { CelLibrary } from '../../../lib/cel/declarations.ts';
import { RegexError, regex } from '../../../lib/cel/regex.ts';
import { CelFault } from '../../../lib/cel/values.ts';

function found(text: string, pattern: string, countMax: number): string[] {
  try {
    return regex(pattern).findAll(text, countMax);
  } catch (error) {
    if (error instanceof RegexError) throw new CelFault(`Illegal regex: ${error.message}`, { cause: error });
    throw error;
  }
}

const cost = regexCost(true);

export const regexLibrary: CelLibrary = {
  name: 'kubernetes.regex',
  functions: {
    'string.find(string): string': { run: (text: string, pattern: string) => found(text, pattern, 1)[0] ?? '', cost },
    'string.findAll(string): list<string>': { run: (text: string, pattern: string) => found(text, pattern, -1), cost },
    'string.findAll(string, int): list<string>': {
      run: (text: string, pattern: string, count: bigint) => found(text, pattern, Number(count)),
      cost,
    },
  },
};
