/**
 * The words in which `keys.ts` is written: what may stand at a key of a Compose file, and what becomes of it.
 */
export type ValueType = 'text' | 'number' | 'flag' | 'none' | 'list' | 'map';

/** `kept`: where it is found again. `lost`: why nothing stands for it; that is told wherever the key is used. */
export type Fate = { readonly kept: string } | { readonly lost: string };

export interface Key {
  readonly types: readonly ValueType[];
  readonly fate: Fate;
  /** Of a map with known keys. */
  readonly keys?: Keys;
  /** Of a map whose names are free: what stands under each. */
  readonly entries?: Key;
  readonly items?: Key;
  readonly oneOf?: readonly string[];
  /** Keys that a map must have. */
  readonly needs?: readonly string[];
}

export type Keys = Readonly<Record<string, Key>>;

/** What is written `kept` becomes; a text that begins with `!` says why it is lost. */
export type FateText = string;

export const fate = (text: FateText): Fate => (text.startsWith('!') ? { lost: text.slice(1).trim() } : { kept: text });

const plain =
  (...types: ValueType[]) =>
  (becomes: FateText): Key => ({ types, fate: fate(becomes) });

export const text = plain('text');
export const number = plain('number');
/** As the specification has it: a text, too, since variables make texts. */
export const count = plain('number', 'text');
export const flag = plain('flag', 'text');
/** Where the specification allows no text. */
export const strictFlag = plain('flag');
export const scalar = plain('text', 'number', 'flag', 'none');

export const oneOf = (becomes: FateText, ...values: string[]): Key => ({ ...text(becomes), oneOf: values });

export const list = (items: Key, becomes: FateText): Key => ({ types: ['list'], items, fate: fate(becomes) });
export const texts = (becomes: FateText): Key => list(text(becomes), becomes);
export const textOrTexts = (becomes: FateText): Key => ({ ...texts(becomes), types: ['text', 'list'] });

export const map = (keys: Keys, becomes: FateText, ...needs: string[]): Key => ({
  types: ['map'],
  keys,
  fate: fate(becomes),
  needs,
});
export const entries = (each: Key, becomes: FateText): Key => ({ types: ['map'], entries: each, fate: fate(becomes) });

/** `a: b`, or `- a=b`. */
export const pairs = (becomes: FateText): Key => ({
  types: ['map', 'list'],
  entries: scalar(becomes),
  items: text(becomes),
  fate: fate(becomes),
});

/** The same key in a second form. */
export const or = (key: Key, ...types: ValueType[]): Key => ({ ...key, types: [...key.types, ...types] });

/** `a: {…}`, or a list of names. */
export const orNames = (key: Key): Key => ({ ...or(key, 'list'), items: { types: ['text'], fate: key.fate } });
