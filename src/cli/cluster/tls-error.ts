/** Why the two sides could not agree on an encrypted connection, in words: from the codes of Node.js and OpenSSL. */
import type { Circumstances } from './connection-error.ts';

type Reason = (circumstances: Circumstances, cause: TlsError) => string;

interface TlsError extends NodeJS.ErrnoException {
  readonly cert?: { readonly subjectaltname?: string; readonly valid_to?: string };
}

const stranger: Reason = ({ config }) =>
  `the certificate of ${config.server} is not by the authority that the kubeconfig names: is it another cluster, or was this one made anew? Fetch the kubeconfig again from its machine: naru kubeconfig`;

const otherName: Reason = ({ config }, { cert }) => {
  const names = (cert?.subjectaltname ?? '').replaceAll(/(?:DNS|IP Address):/g, '');
  const hint = names === '' ? '' : `; it is for ${names}`;
  return `the certificate of ${config.server} is for another name${hint}. Use one of these in the kubeconfig, or start the server with --host ADDRESS`;
};

const overdue: Reason = ({ config, nowMs }) =>
  `the certificate of ${config.server} has expired, or this machine's clock is wrong (it shows ${timeText(nowMs)}): a running naru renews its own; restart the server, or set the clock`;

const tooEarly: Reason = ({ config, nowMs }) =>
  `the certificate of ${config.server} is not valid yet: this machine's clock is wrong (it shows ${timeText(nowMs)}), or the server's was when it made it`;

const noTls: Reason = ({ config }) =>
  `${config.server} does not speak TLS: is it an HTTP port? A Kubernetes API listens on another one, usually 6443`;

const badMaterial: Reason = () =>
  "the certificates or the key in the kubeconfig cannot be read: they must be PEM (in …-data fields as base64), and the key must be the certificate's";

const refused: Reason = ({ config }) =>
  `${config.server} does not accept the client certificate of the kubeconfig: is it of another cluster? Fetch it again: naru kubeconfig`;

const noHttp2: Reason = ({ config }) =>
  `${config.server} answers, but not as a Kubernetes API does (no HTTP/2 over TLS): is the address in the kubeconfig right, and nothing in between?`;

const reasons: Readonly<Record<string, Reason>> = {
  SELF_SIGNED_CERT_IN_CHAIN: stranger,
  DEPTH_ZERO_SELF_SIGNED_CERT: stranger,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: stranger,
  UNABLE_TO_GET_ISSUER_CERT: stranger,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: stranger,
  CERT_SIGNATURE_FAILURE: stranger,
  ERR_TLS_CERT_ALTNAME_INVALID: otherName,
  CERT_HAS_EXPIRED: overdue,
  CERT_NOT_YET_VALID: tooEarly,
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_HTTP_REQUEST: noTls,
  ERR_SSL_UNSUPPORTED_PROTOCOL: noTls,
  ERR_OSSL_PEM_NO_START_LINE: badMaterial,
  ERR_OSSL_PEM_BAD_BASE64_DECODE: badMaterial,
  ERR_OSSL_PEM_BAD_END_LINE: badMaterial,
  ERR_OSSL_UNSUPPORTED: badMaterial,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: badMaterial,
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: badMaterial,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: refused,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: refused,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: refused,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: refused,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: refused,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: noHttp2,
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: refused,
  ERR_HTTP2_ERROR: noHttp2,
  ERR_HTTP2_SESSION_ERROR: noHttp2,
};

/** Undefined where TLS was not what failed. */
export function tlsReason(cause: NodeJS.ErrnoException | undefined, circumstances: Circumstances): string | undefined {
  return reasons[cause?.code ?? '']?.(circumstances, cause as TlsError);
}

const timeText = (ms: number): string => new Date(ms).toISOString();
