/**
 * What is wrong with a document that a client sent, in Go's wording, because clients and their tests show it.
 *
 * Upstream puts the object before it (`Deployment in version "v1" cannot be handled as a Deployment: …`): who knows the
 * request adds that, and makes a 400 BadRequest of it.
 */
export class DecodeError extends Error {
  override name = 'DecodeError';

  /** The message, for those who wrap it. */
  get detail(): string {
    return this.message;
  }
}
