/** Failed connections in the words Docker has for them (Go's net and net/http). */
import { errorMessage } from '../../../shared/errors.ts';

/** The request got no answer: refused, cut, timed out, not trusted, or never sent for want of a token. */
export class TransportError extends Error {
  /** No use in another try: the token was refused, not the connection. */
  readonly isFinal: boolean;
  readonly url: string;
  /** The message without method and URL. */
  readonly reason: string;

  constructor(method: string, url: string, cause: unknown, options: { isFinal?: boolean } = {}) {
    const verb = method.charAt(0) + method.slice(1).toLowerCase();
    const reason = describe(cause, url);
    super(`${verb} "${url}": ${reason}`, { cause });
    this.name = 'TransportError';
    this.url = url;
    this.reason = reason;
    this.isFinal = options.isFinal ?? false;
  }
}

interface NetworkFailure {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

function failureOf(error: unknown): NetworkFailure {
  // Several addresses tried: Node gives them together, the last one speaks for all.
  if (error instanceof AggregateError) return failureOf(error.errors.at(-1));
  if (error instanceof Error && error.cause !== undefined && !('code' in error)) {
    return failureOf(error.cause);
  }
  return typeof error === 'object' && error !== null ? error : {};
}

const DIAL: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  UND_ERR_CONNECT_TIMEOUT: 'i/o timeout',
};

const CUT: Readonly<Record<string, string>> = {
  ECONNRESET: 'connection reset by peer',
  EPIPE: 'write: broken pipe',
  UND_ERR_SOCKET: 'EOF',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'unexpected EOF',
  UND_ERR_HEADERS_TIMEOUT: 'net/http: timeout awaiting response headers',
  UND_ERR_BODY_TIMEOUT: 'net/http: request canceled (Client.Timeout exceeded while reading body)',
  EPROTO: 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_WRONG_VERSION_NUMBER: 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'http: server gave HTTP response to HTTPS client',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
};

function describe(error: unknown, url: string): string {
  if (error instanceof TransportError) return error.message;
  const { code = '', address, port, hostname } = failureOf(error);
  const target = new URL(url);
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname ?? target.hostname}: no such host`;
  if (code === 'EAI_AGAIN') {
    return `dial tcp: lookup ${hostname ?? target.hostname}: Temporary failure in name resolution`;
  }
  const dial = DIAL[code];
  if (dial !== undefined) {
    const host = address ?? target.hostname;
    const number = port ?? (target.port || (target.protocol === 'https:' ? 443 : 80));
    return `dial tcp ${host.includes(':') ? `[${host}]` : host}:${number}: ${dial}`;
  }
  return CUT[code] ?? errorMessage(error);
}
