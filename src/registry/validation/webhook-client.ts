/** Where a webhook is called: a URL, or a Service in the cluster. For admission and for conversion. */
import { invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isPortNumber } from '../../api/names.ts';
import type { ServiceReference, WebhookClientConfig } from '../../api/schema/types/admissionregistration-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

type ClientConfig = Pick<WebhookClientConfig, 'url' | 'service'>;

export function validateWebhookClient(path: string, config: ClientConfig | undefined): FieldError[] {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    return [required(path, 'exactly one of url or service is required')];
  }
  if (url !== undefined) return validateUrl(`${path}.url`, url);
  return service === undefined ? [] : validateService(`${path}.service`, service);
}

const form = '; desired format: https://host[/path]';

/** Go's parser takes nearly everything apart: what it finds is judged, part by part. */
function validateUrl(path: string, url: string): FieldError[] {
  const parts = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s.exec(url);
  const [, scheme = '', authority = '', query = '', fragment = ''] = parts ?? [];
  const problem = urlProblem(url, scheme);
  if (problem !== undefined) return [required(path, `url must be a valid URL: ${problem}${form}`)];
  const at = authority.lastIndexOf('@');
  const [user, host] = at < 0 ? [undefined, authority] : [authority.slice(0, at), authority.slice(at + 1)];
  const errors: FieldError[] = [];
  if (scheme.toLowerCase() !== 'https') {
    errors.push(invalidValue(path, scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`));
  }
  if (host === '') errors.push(invalidValue(path, host, `host must be specified${form}`));
  if (user !== undefined) errors.push(invalidValue(path, user, 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalidValue(path, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalidValue(path, query, 'query parameters are not permitted in the URL'));
  return errors;
}

function urlProblem(url: string, scheme: string): string | undefined {
  const shown = JSON.stringify(url);
  if (/\p{Cc}/u.test(url)) return `parse ${shown}: net/url: invalid control character in URL`;
  if (url.startsWith(':')) return `parse ${shown}: missing protocol scheme`;
  const colon = url.indexOf(':');
  const slash = url.search(/[/?#]/);
  if (scheme !== '' || colon < 0 || (slash >= 0 && slash < colon)) return undefined;
  return `parse ${shown}: first path segment in URL cannot contain colon`;
}

/** Upstream takes the name for the namespace and the other way round: so does the path of what is missing. */
function validateService(path: string, { name, namespace, path: urlPath, port }: ServiceReference): FieldError[] {
  const errors: FieldError[] = [];
  if (!namespace) errors.push(required(`${path}.name`));
  if (!name) errors.push(required(`${path}.namespace`));
  const portErrors = isPortNumber(port ?? 0);
  if (portErrors.length > 0) {
    errors.push(invalidValue(`${path}.port`, port ?? 0, `port is not valid: ${portErrors.join(', ')}`));
  }
  return urlPath === undefined ? errors : [...errors, ...validatePath(`${path}.path`, urlPath)];
}

function validatePath(path: string, text: string): FieldError[] {
  if (text === '/' || text === '') return [];
  if (text === '//') return [invalidValue(path, text, 'segment[0] may not be empty')];
  const errors = text.startsWith('/') ? [] : [invalidValue(path, text, "must start with a '/'")];
  const steps = text.slice(1).replace(/\/$/, '').split('/');
  for (const [index, step] of steps.entries()) {
    if (step === '') errors.push(invalidValue(path, text, `segment[${index}] may not be empty`));
    else {
      const wrong = isDns1123Subdomain(step);
      errors.push(...wrong.map((message) => invalidValue(path, text, `segment[${index}]: ${message}`)));
    }
  }
  return errors;
}
