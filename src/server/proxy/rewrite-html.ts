/**
 * Links in a page that comes through the proxy get its prefix (`rewrite-url.ts`), while the page flows by: no page is ever held as a whole.
 *
 * Bytes are read as Latin-1, so that whatever the page's encoding, all but the links leaves as it came. Comments and scripts are left alone. A
 * tag that is too long to hold is passed on as it is.
 *
 * Kept true: the work grows with the page and no faster, whatever is in it and however it is cut, since it is done where everybody is served.
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
  /** What ends the text that is passed on unread: `-->`, `</script`, `>`. */
  #until = '';
  /** Of the tag that is held, how far its end was looked for, and within which quotes that is. */
  #scanned: Scan = fresh;

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
    const lower = new LowerCase(text);
    let out = '';
    let at = 0;
    for (;;) {
      const next = this.#until === '' ? this.#tag(text, at) : this.#raw(text, lower, at);
      out += next.text;
      at = next.at;
      if (next.waits) break;
    }
    this.#held = text.slice(at);
    return out;
  }

  #raw(text: string, lower: LowerCase, at: number): Step {
    const end = lower.text.indexOf(this.#until, at);
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
    const scan = scanTag(text, start, this.#scanned);
    this.#scanned = scan.isWhole || scan.length >= limits.htmlTagCharactersMax ? fresh : scan;
    const end = start + scan.length;
    if (scan.isWhole) return { text: before + this.#rewritten(text.slice(start, end)), at: end, waits: false };
    if (scan.length < limits.htmlTagCharactersMax) return wait;
    this.#until = '>';
    return { text: before, at: start, waits: false };
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

/** A name is tried from its beginning alone: from each of its characters, a long one would take for ever. */
const attributeForm = /(?<![^\s"'<>/=])([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'=<>`]+)/g;

/** The page's text in lower case, made when it is first needed, once for each piece of the page. */
class LowerCase {
  readonly #text: string;
  #made: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    this.#made ??= this.#text.toLowerCase();
    return this.#made;
  }
}

interface Scan {
  /** How many characters of the tag were looked at. */
  readonly length: number;
  readonly quote: string;
  /** The last of them is the `>` that ends the tag, which no quotes surround. */
  readonly isWhole: boolean;
}

const fresh: Scan = { length: 1, quote: '', isWhole: false };

/** Goes on from where `before` stopped. */
function scanTag(text: string, start: number, before: Scan): Scan {
  let { quote } = before;
  for (let at = start + before.length; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return { length: at + 1 - start, quote, isWhole: true };
  }
  return { length: text.length - start, quote, isWhole: false };
}
