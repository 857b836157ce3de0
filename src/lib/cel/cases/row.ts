/**
 * One row of the table of expressions: the text, and what comes of it, as a text too:
 *
 *     42, 42u, 4.2, true, null, "text", b"ff", [1, 2], {"k": 1}, duration(1s), timestamp(…), optional(1), optional.none, type(int)
 *     error: no such key: x        the evaluation fails (the message begins so)
 *     issue: undeclared …          it does not compile (the first message)
 *     : list(int)                  the type that it is found to have
 *
 * Expressions over the variables in `table.test.ts` are evaluated with them.
 */
export type Row = readonly [expression: string, outcome: string];
