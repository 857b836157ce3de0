/**
 * What names, labels and ports may look like. Each function returns upstream's messages, none where the text is good, because
 * clients show these messages and people search for them.
 *
 * Lengths are in bytes. Every check runs in time linear in the text, whatever the text is. Which field takes which form is
 * said by the validation of its kind, not here.
 */

const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const underscoreLabelPattern = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomainPattern = `${underscoreLabelPattern}(\\.${underscoreLabelPattern})*`;
const label1035Pattern = '[a-z]([-a-z0-9]*[a-z0-9])?';
const labelKeyPattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValuePattern = `(${labelKeyPattern})?`;
const identifierPattern = '[A-Za-z_][A-Za-z0-9_]*';
const envVarNamePattern = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const configMapKeyPattern = '[-._a-zA-Z0-9]+';
const percentPattern = '[0-9]+%';
const headerNamePattern = '[-A-Za-z0-9]+';

const labelBytesMax = 63;
const subdomainBytesMax = 253;
const portNameBytesMax = 15;

const empty = 'must be non-empty';

/** `must be between 1 and 65535, inclusive`. */
export function rangeMessage(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

/** Upstream's form for a text that does not match its pattern; shown, not run. */
export function patternMessage(rule: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${rule} (regex used for validation is '${pattern}')`;
  const list = examples.map((example) => `'${example}', `).join(' or ');
  return `${rule} (e.g. ${list}regex used for validation is '${pattern}')`;
}

const bytes = (text: string): number => Buffer.byteLength(text);

function tooManyCharacters(text: string, max: number): string[] {
  return bytes(text) > max ? [`must be no more than ${max} characters`] : [];
}

function tooManyBytes(text: string, max: number): string[] {
  return bytes(text) > max ? [`must be no more than ${max} bytes`] : [];
}

/** One DNS label, whatever its length. */
function isLabelText(text: string): boolean {
  return /^[-a-z0-9]+$/.test(text) && !text.startsWith('-') && !text.endsWith('-');
}

function isSubdomainText(text: string): boolean {
  return text.split('.').every(isLabelText);
}

/** One label of a DNS name (RFC 1123): names of pods' containers, namespaces, … */
export function isDns1123Label(text: string): string[] {
  const errors = tooManyCharacters(text, labelBytesMax);
  if (isLabelText(text)) return errors;
  if (isSubdomainText(text)) return [...errors, 'must not contain dots'];
  const rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " +
    'and must start and end with an alphanumeric character';
  return [...errors, patternMessage(rule, labelPattern, 'my-name', '123-abc')];
}

/** Labels joined by dots (RFC 1123): most objects' names. */
export function isDns1123Subdomain(text: string): string[] {
  return [...tooManyCharacters(text, subdomainBytesMax), ...subdomainForm(text)];
}

function subdomainForm(text: string): string[] {
  if (isSubdomainText(text)) return [];
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
    'and must start and end with an alphanumeric character';
  return [patternMessage(rule, subdomainPattern, 'example.com')];
}

/** As `isDns1123Subdomain`, with `_` allowed: search domains of a pod. */
export function isDns1123SubdomainWithUnderscore(text: string): string[] {
  const errors = tooManyCharacters(text, subdomainBytesMax);
  const good = text.split('.').every((label) => /^_?[a-z0-9][-_a-z0-9]*$/.test(label) && /[a-z0-9]$/.test(label));
  if (good) return errors;
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', " +
    'and must start and end with an alphanumeric character';
  return [...errors, patternMessage(rule, underscoreSubdomainPattern, 'example.com')];
}

/** A label that begins with a letter (RFC 1035): names of Services. */
export function isDns1035Label(text: string): string[] {
  const errors = tooManyCharacters(text, labelBytesMax);
  if (isLabelText(text) && !/^[0-9]/.test(text)) return errors;
  const rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', " +
    'start with an alphabetic character, and end with an alphanumeric character';
  return [...errors, patternMessage(rule, label1035Pattern, 'my-name', 'abc-123')];
}

/** `*.` before a subdomain (RFC 1034, 4.3.3): hosts of an Ingress. */
export function isWildcardDns1123Subdomain(text: string): string[] {
  const errors = tooManyCharacters(text, subdomainBytesMax);
  if (text.startsWith('*.') && isSubdomainText(text.slice(2))) return errors;
  const rule =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of " +
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...errors, patternMessage(rule, `\\*\\.${subdomainPattern}`, '*.example.com')];
}

function isLabelKeyText(text: string): boolean {
  return /^[A-Za-z0-9][-A-Za-z0-9_.]*$/.test(text) && /[A-Za-z0-9]$/.test(text);
}

/** `[prefix/]name`: keys of labels and annotations, finalizers, resource names, … */
export function isQualifiedName(text: string): string[] {
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  // Most are good and plain, and the rule's text costs more than the check.
  if (text.length <= labelBytesMax && isLabelKeyText(text)) return [];
  const form = patternMessage(rule, labelKeyPattern, 'MyName', 'my.name', '123-abc');
  const parts = text.split('/');
  if (parts.length > 2) {
    return [`a valid label key ${form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1) ?? '';
  const errors = parts.length === 2 ? prefixErrors(parts[0] ?? '') : [];
  if (name === '') errors.push(`name part ${empty}`);
  errors.push(...tooManyBytes(name, labelBytesMax).map((message) => `name part ${message}`));
  if (!isLabelKeyText(name)) errors.push(`name part ${form}`);
  return errors;
}

function prefixErrors(prefix: string): string[] {
  const errors = prefix === '' ? [empty] : [...tooManyBytes(prefix, subdomainBytesMax), ...subdomainForm(prefix)];
  return errors.map((message) => `prefix part ${message}`);
}

export function isLabelValue(text: string): string[] {
  const errors = tooManyBytes(text, labelBytesMax);
  if (text === '' || isLabelKeyText(text)) return errors;
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " +
    'and must start and end with an alphanumeric character';
  return [...errors, patternMessage(rule, labelValuePattern, 'MyValue', 'my_value', '12345')];
}

export function isCIdentifier(text: string): string[] {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return [];
  const rule =
    "a valid C identifier must start with alphabetic character or '_', " +
    "followed by a string of alphanumeric characters or '_'";
  return [patternMessage(rule, identifierPattern, 'my_name', 'MY_NAME', 'MyName')];
}

/** The strict form; pods take `isRelaxedEnvVarName`. */
export function isEnvVarName(text: string): string[] {
  const rule =
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', " +
    'and must not start with a digit';
  const examples = ['my.env-name', 'MY_ENV.NAME', 'MyEnvName1'];
  const form = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(text) ? [] : [patternMessage(rule, envVarNamePattern, ...examples)];
  return [...form, ...parentFolderErrors(text)];
}

/** Printable ASCII without `=`: what a container's environment takes since 1.34. */
export function isRelaxedEnvVarName(text: string): string[] {
  if (text === '') return [`environment variable name ${empty}`];
  if (/^[ -<>-~]+$/.test(text)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** Keys of ConfigMaps and Secrets, which become file names. */
export function isConfigMapKey(text: string): string[] {
  const errors = tooManyCharacters(text, subdomainBytesMax);
  if (!/^[-._a-zA-Z0-9]+$/.test(text)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    errors.push(patternMessage(rule, configMapKeyPattern, 'key.name', 'KEY_NAME', 'key-name'));
  }
  return [...errors, ...parentFolderErrors(text)];
}

function parentFolderErrors(text: string): string[] {
  if (text === '.') return ["must not be '.'"];
  if (text === '..') return ["must not be '..'"];
  return text.startsWith('..') ? ["must not start with '..'"] : [];
}

/** The name of a container's port (RFC 6335). */
export function isPortName(text: string): string[] {
  const errors = tooManyCharacters(text, portNameBytesMax);
  if (!/^[-a-z0-9]+$/.test(text)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(text)) errors.push('must contain at least one letter (a-z)');
  if (text.includes('--')) errors.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export function isPortNumber(port: number): string[] {
  return isInRange(port, 1, 65535);
}

export function isInRange(value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [rangeMessage(low, high)];
}

/** A Unix user or group id, as containers take them. */
export function isUserOrGroupId(id: number): string[] {
  return isInRange(id, 0, 2 ** 31 - 1);
}

export function isPercent(text: string): string[] {
  if (/^[0-9]+%$/.test(text)) return [];
  const rule = "a valid percent string must be a numeric string followed by an ending '%'";
  return [patternMessage(rule, percentPattern, '1%', '93%')];
}

export function isHttpHeaderName(text: string): string[] {
  if (/^[-A-Za-z0-9]+$/.test(text)) return [];
  const rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [patternMessage(rule, headerNamePattern, 'X-Header-Name')];
}

/** A name that can stand in a URL: all that RBAC asks of its names. */
export function isPathSegmentName(text: string): string[] {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return ['/', '%'].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
}
