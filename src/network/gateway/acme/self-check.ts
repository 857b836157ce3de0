/**
 * Do our own nodes answer a challenge? Each node that runs the gateway is asked on its own address, as the authority will ask whichever it is led to.
 *
 * A node that cannot be reached from here (only nodes dial, and a network may stand between) is passed over after a while: the authority decides. One that
 * answers otherwise is waited for, and named.
 */
import { request } from 'node:http';
import type { Clock } from '../../../lib/clock.ts';
import { challengePath } from './challenges.ts';
import type { Proof } from './issue.ts';

export interface SelfCheckOptions {
  readonly addresses: () => readonly string[];
  readonly port: () => number;
  readonly clock: Clock;
}

const askMs = 3000;
const pauseMs = 250;
const answerMsMax = 30_000;
/** For nodes that cannot be reached. */
const reachMsMax = 10_000;
const bodyBytesMax = 4096;
const togetherMax = 16;

export type Answer =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong'; readonly what: string }
  | { readonly kind: 'unreachable' };

/** @throws Error that names a node that answers otherwise */
export async function checkAnswers(
  options: SelfCheckOptions,
  proofs: readonly Proof[],
  signal: AbortSignal,
): Promise<void> {
  const { clock } = options;
  const startedMs = clock.monotonic();
  let open = options.addresses().flatMap((address) => proofs.map((proof) => ({ address, proof })));
  while (open.length > 0) {
    const answers: { readonly pair: (typeof open)[number]; readonly answer: Answer }[] = [];
    for (let at = 0; at < open.length; at += togetherMax) {
      const some = open.slice(at, at + togetherMax);
      answers.push(
        ...(await Promise.all(
          some.map(async (pair) => ({ pair, answer: await ask(options, pair.address, pair.proof) })),
        )),
      );
    }
    const waitedMs = clock.monotonic() - startedMs;
    const left = answers.filter(
      ({ answer }) => answer.kind === 'wrong' || (answer.kind === 'unreachable' && waitedMs < reachMsMax),
    );
    open = left.map(({ pair }) => pair);
    const wrong = left.find(({ answer }) => answer.kind === 'wrong');
    if (wrong !== undefined && waitedMs >= answerMsMax) {
      const what = wrong.answer.kind === 'wrong' ? wrong.answer.what : '';
      const { address, proof } = wrong.pair;
      throw new Error(
        `the gateway at ${address}:${options.port()} does not answer the challenge for ${proof.name}: ${what}`,
      );
    }
    if (open.length > 0) await clock.sleep(pauseMs, signal);
  }
}

export function ask({ port, clock }: SelfCheckOptions, address: string, proof: Proof): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { Host: proof.name };
    const asked = request({ host: address, port: port(), path: challengePath(proof.token), headers, agent: false });
    const timer = clock.after(askMs, () => asked.destroy(new Error('too late')));
    const end = (answer: Answer): void => {
      timer.cancel();
      asked.destroy();
      resolve(answer);
    };
    asked.on('error', () => end({ kind: 'unreachable' }));
    asked.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body = (body + text).slice(0, bodyBytesMax);
      });
      response.on('error', () => end({ kind: 'unreachable' }));
      response.on('end', () => {
        if (response.statusCode !== 200) end({ kind: 'wrong', what: `it answers with status ${response.statusCode}` });
        else if (body.trim() !== proof.keyAuthorization) end({ kind: 'wrong', what: 'it answers something else' });
        else end({ kind: 'right' });
      });
    });
    asked.end();
  });
}
