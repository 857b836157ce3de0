/**
 * Links in a page that comes through the proxy get its prefix (`rewrite-url.ts`), while the page flows by: no page is ever held as a whole.
 *
 * Bytes are read as Latin-1, so that whatever the page's encoding, all but the links leaves as it came. Comments and scripts are left alone. A
 * tag that is too long to hold is passed on as it is.
 */
import { Transform } from 'node:stream';
import { limits } from '../../lib/limits.ts';

/** Which attributes of which elements hold a URL (HTML 4 and 5). */
const linkAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Elements whose content is no HTML. */
const opaque = new Set(['script', 'style', 'textarea', 'title', 'xmp']);

export class LinkRewriter extends Transform {
  readonly #rewrite: (url: string) => string;
  #held = '';
  /** What ends the text that is passed on unread: `-->`, `</script`. */
  #until = '';

  constructor(rewrite: (url: string) => string) {
    super();
    this.#rewrite = rewrite;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#held += chunk.toString('latin1');
    this.#emit(this.#read());
    done();
  }

  override _flush(done: () => void): void {
    this.#emit(this.#held);
    done();
  }

  #emit(text: string): void {
    if (text !== '') this.push(Buffer.from(text, 'latin1'));
  }

  /** Takes what is whole out of what is held. */
  #read(): string {
    const text = this.#held;
    let out = '';
    let at = 0;
    for (;;) {
      const next = this.#until === '' ? this.#tag(text, at) : this.#raw(text, at);
      out += next.text;
      at = next.at;
      if (next.waits) break;
    }
    this.#held = text.slice(at);
    return out;
  }

  #raw(text: string, at: number): Step {
    const end = text.toLowerCase().indexOf(this.#until, at);
    if (end < 0) {
      // Its end may have begun.
      const keep = Math.max(at, text.length - this.#until.length);
      return { text: text.slice(at, keep), at: keep, waits: true };
    }
    this.#until = '';
    return { text: text.slice(at, end), at: end, waits: false };
  }

  #tag(text: string, at: number): Step {
    const start = text.indexOf('<', at);
    if (start < 0) return { text: text.slice(at), at: text.length, waits: true };
    const before = text.slice(at, start);
    const wait = { text: before, at: start, waits: true };
    if ('<!--'.startsWith(text.slice(start, start + 4)) && text.length < start + 4) return wait;
    if (text.startsWith('<!--', start)) {
      this.#until = '-->';
      return { text: `${before}<!--`, at: start + 4, waits: false };
    }
    if (text.length > start + 1 && !/[a-zA-Z]/.test(text[start + 1] ?? ''))
      return { text: `${before}<`, at: start + 1, waits: false };
    const end = endOfTag(text, start);
    if (end >= 0) return { text: before + this.#rewritten(text.slice(start, end)), at: end, waits: false };
    if (text.length - start < limits.htmlTagCharactersMax) return wait;
    return { text: `${before}<`, at: start + 1, waits: false };
  }

  #rewritten(tag: string): string {
    const name = /^<([a-zA-Z][^\s/>]*)/.exec(tag)?.[1]?.toLowerCase() ?? '';
    if (opaque.has(name) && !tag.endsWith('/>')) this.#until = `</${name}`;
    const attributes = Object.hasOwn(linkAttributes, name) ? linkAttributes[name] : undefined;
    if (attributes === undefined) return tag;
    return tag.replace(attributeForm, (whole, key: string, equals: string, value: string) => {
      if (!attributes.includes(key.toLowerCase())) return whole;
      const quote = value.startsWith('"') || value.startsWith("'") ? (value[0] as string) : '';
      const url = quote === '' ? value : value.slice(1, -1);
      return `${key}${equals}${quote}${this.#rewrite(url)}${quote}`;
    });
  }
}

interface Step {
  readonly text: string;
  readonly at: number;
  /** More of the page is needed. */
  readonly waits: boolean;
}

const attributeForm = /([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'=<>`]+)/g;

/** After the `>` that ends the tag, which no quotes surround; -1 where it has not come yet. */
function endOfTag(text: string, start: number): number {
  let quote = '';
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return at + 1;
  }
  return -1;
}
