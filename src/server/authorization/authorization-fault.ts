/** Nobody allowed the request, and somebody who was asked could not tell. Upstream answers this in plain text, and so must we. */
import { type Answer, textAnswer } from '../answer.ts';

/** What HTML would take for its own, as Go's server escapes it. */
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export class AuthorizationFault extends Error {
  readonly #url: string;

  constructor(url: string, problem: string) {
    super(problem);
    this.#url = url;
  }

  answer(): Answer {
    const text = `Internal Server Error: ${JSON.stringify(this.#url)}: ${this.message}`;
    const escaped = text.replace(/[&<>]/g, (character) => escapes[character] ?? '');
    return textAnswer(500, `${escaped}\n`);
  }
}
