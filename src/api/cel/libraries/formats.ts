/** Kubernetes' named formats of texts: `format.dns1123Label().validate(x)` gives what is wrong, or nothing. */
import { fixedCost, perCharacter, perRegexCharacter, scaled, sizeOf, unknownSize } from '../../../lib/cel/costs.ts';
import type { CelFunction, CelLibrary } from '../../../lib/cel/declarations.ts';
import { CelOpaque, CelOptional } from '../../../lib/cel/values.ts';
import { parseRequestUri, UrlError } from '../../go-url.ts';
import { isDns1035Label, isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../names.ts';

const typeName = 'kubernetes.NamedFormat';

interface Format {
  readonly problems: (text: string) => readonly string[];
  /** Length of the pattern that stands for its cost. */
  readonly patternSize: number;
}

class FormatValue extends CelOpaque {
  readonly typeName = typeName;
  readonly name: string;
  readonly format: Format;

  constructor(name: string, format: Format) {
    super();
    this.name = name;
    this.format = format;
  }

  equals(other: this): boolean {
    return this.name === other.name;
  }
}

/** A prefix of names may end with what no name may end with. */
const asPrefix =
  (problems: (text: string) => string[]) =>
  (text: string): string[] =>
    problems(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);

const matching =
  (test: (text: string) => boolean, problem: string) =>
  (text: string): string[] =>
    test(text) ? [] : [problem];

const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
const dateTimePattern = /^(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function isDate(text: string): boolean {
  const [, year = '', month = '', day = ''] = datePattern.exec(text) ?? [];
  if (day === '') return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${year}-${month}-${day}`);
}

function isDateTime(text: string): boolean {
  const [, date = '', hours, minutes, seconds] = dateTimePattern.exec(text) ?? [];
  return isDate(date) && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60;
}

function uriProblems(text: string): string[] {
  try {
    parseRequestUri(text);
    return [];
  } catch (error) {
    if (error instanceof UrlError) return [error.message];
    throw error;
  }
}

const isUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text);
/** Groups of four, the last one filled up; an empty text is none. */
const isBase64 = (text: string): boolean => text !== '' && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

const dateTimePatternSize = 71;

const formats: ReadonlyMap<string, FormatValue> = new Map(
  Object.entries<Format>({
    dns1123Label: { problems: isDns1123Label, patternSize: 30 },
    dns1123Subdomain: { problems: isDns1123Subdomain, patternSize: 60 },
    dns1035Label: { problems: isDns1035Label, patternSize: 30 },
    qualifiedName: { problems: isQualifiedName, patternSize: 60 },
    dns1123LabelPrefix: { problems: asPrefix(isDns1123Label), patternSize: 30 },
    dns1123SubdomainPrefix: { problems: asPrefix(isDns1123Subdomain), patternSize: 60 },
    dns1035LabelPrefix: { problems: asPrefix(isDns1035Label), patternSize: 30 },
    labelValue: { problems: isLabelValue, patternSize: 40 },
    uri: { problems: uriProblems, patternSize: 1103 },
    uuid: { problems: matching(isUuid, 'does not match the UUID format'), patternSize: 70 },
    byte: { problems: matching(isBase64, 'invalid base64'), patternSize: 84 },
    date: { problems: matching(isDate, 'invalid date'), patternSize: dateTimePatternSize },
    datetime: { problems: matching(isDateTime, 'invalid datetime'), patternSize: dateTimePatternSize },
  }).map(([name, format]) => [name, new FormatValue(name, format)]),
);

function validate({ format }: FormatValue, text: string): CelOptional {
  const problems = format.problems(text);
  return problems.length === 0 ? CelOptional.none : CelOptional.of(problems);
}

const nominal = fixedCost(1);
/** What the estimate takes for the pattern of any format. */
const patternSizeEstimated = 128;

const validation: CelFunction = {
  run: validate,
  cost: {
    actual: ([format, text]) =>
      Math.ceil((1 + sizeOf(text)) * perCharacter) *
      Math.ceil((format as FormatValue).format.patternSize * perRegexCharacter),
    estimate: ([, text]) => ({
      cost: scaled(scaled(text?.size ?? unknownSize, perCharacter), patternSizeEstimated * perRegexCharacter),
    }),
  },
};

export const formatLibrary: CelLibrary = {
  name: 'kubernetes.format',
  types: [typeName],
  functions: {
    'format.named(string): optional<kubernetes.NamedFormat>': {
      run: (name: string) => CelOptional.from(formats.get(name)),
      cost: nominal,
    },
    'kubernetes.NamedFormat.validate(string): optional<list<string>>': validation,
    ...Object.fromEntries(
      Array.from(formats, ([name, format]) => [`format.${name}(): kubernetes.NamedFormat`, () => format]),
    ),
  },
};
