/** Errors of a registry's API (distribution-spec "Error Codes") and their words in Docker's answers. */
import {
  type EngineError,
  type ErrorCode,
  errorMessage,
  internal,
  isEngineError,
  notFound,
} from '../../../shared/errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { familiarName, familiarString, type Reference } from './reference.ts';

const DEFAULT_MESSAGES: Readonly<Record<string, string>> = {
  UNKNOWN: 'unknown error',
  UNSUPPORTED: 'The operation is unsupported.',
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  UNAVAILABLE: 'service unavailable',
  TOOMANYREQUESTS: 'too many requests',
  DIGEST_INVALID: 'provided digest did not match uploaded content',
  SIZE_INVALID: 'provided length did not match content length',
  NAME_INVALID: 'invalid repository name',
  TAG_INVALID: 'manifest tag did not match URI',
  NAME_UNKNOWN: 'repository name not known to registry',
  MANIFEST_UNKNOWN: 'manifest unknown',
  MANIFEST_INVALID: 'manifest invalid',
  MANIFEST_UNVERIFIED: 'manifest failed signature verification',
  MANIFEST_BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UPLOAD_UNKNOWN: 'blob upload unknown to registry',
  BLOB_UPLOAD_INVALID: 'blob upload invalid',
};

/** No use in trying these again (moby retryOnError). */
const FINAL_CODES = ['UNAUTHORIZED', 'UNSUPPORTED', 'DENIED', 'TOOMANYREQUESTS', 'NAME_UNKNOWN'];
const NOT_FOUND_CODES = ['DENIED', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN'];

/** A registry answered with an error. `message` is what Docker's client code prints for it. */
export class RegistryError extends Error {
  /** The registry's first error code, `HTTP` when its answer carried none. */
  readonly code: string;
  readonly isFinal: boolean;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'RegistryError';
    this.code = code;
    this.isFinal = code === 'HTTP' || FINAL_CODES.includes(code);
  }
}

interface ErrorRow {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly detail?: unknown;
}

/** `manifest unknown: manifest unknown`; a row that says nothing beyond its code is the code alone. */
function describeRow(row: ErrorRow): { code: string; text: string; isBare: boolean } {
  const given = typeof row.code === 'string' ? row.code : '';
  const code = given in DEFAULT_MESSAGES ? given : 'UNKNOWN';
  const words = code.toLowerCase().replaceAll('_', ' ');
  const message = typeof row.message === 'string' ? row.message : '';
  const isBare =
    (row.detail === undefined || row.detail === null) &&
    (message === '' || message === DEFAULT_MESSAGES[code]);
  return { code, text: isBare ? words : `${words}: ${message}`, isBare };
}

function fromRows(rows: readonly ErrorRow[]): RegistryError {
  const described = rows.map(describeRow);
  const first = described[0];
  // Docker looks into full errors only: a bare code is passed on as it is and is never "not found".
  const code = first === undefined ? 'UNKNOWN' : first.isBare ? `BARE_${first.code}` : first.code;
  const texts = described.map((row) => row.text);
  const message = texts.length === 1 ? (texts[0] ?? '') : `errors:\n${texts.join('\n')}\n`;
  return new RegistryError(code, message);
}

function rowsOfChallenge(challenges: readonly Challenge[]): ErrorRow[] {
  const codes: Readonly<Record<string, string>> = {
    invalid_token: 'UNAUTHORIZED',
    insufficient_scope: 'DENIED',
  };
  for (const { scheme, parameters } of challenges) {
    const code = scheme === 'bearer' ? codes[parameters['error'] ?? ''] : undefined;
    if (code === undefined) continue;
    const message = parameters['error_description'] ?? DEFAULT_MESSAGES[code];
    return [{ code, message, detail: {} }];
  }
  return [];
}

function parseBody(status: number, body: string): ErrorRow[] | RegistryError {
  const unreadable = (why: string): RegistryError =>
    status === 401
      ? new RegistryError('UNAUTHORIZED', 'unauthorized: authentication required')
      : new RegistryError(
          'HTTP',
          `error parsing HTTP ${status} response body: ${why}: ${JSON.stringify(body)}`,
        );
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Not JSON: said in the words Docker's decoder has for it.
    const first = body.trimStart()[0];
    return unreadable(
      first === undefined
        ? 'unexpected end of JSON input'
        : `invalid character '${first}' looking for beginning of value`,
    );
  }
  const fields: { details?: unknown; errors?: unknown } | null =
    typeof parsed === 'object' ? parsed : null;
  if (typeof fields?.details === 'string' && fields.details !== '') {
    const code = status === 401 ? 'UNAUTHORIZED' : status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN';
    return [{ code, message: fields.details, detail: {} }];
  }
  if (!Array.isArray(fields?.errors) || fields.errors.length === 0) {
    return unreadable('no error details found in HTTP response body');
  }
  return fields.errors as ErrorRow[];
}

/** The error in an unsuccessful answer (moby client.HandleErrorResponse). */
export function registryErrorOf(
  status: number,
  statusText: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
): RegistryError {
  if (status < 400 || status >= 500) {
    return new RegistryError(
      'STATUS',
      `received unexpected HTTP status: ${`${status} ${statusText}`.trim()}`,
    );
  }
  const fromHeader = rowsOfChallenge(parseChallenges(headers['www-authenticate']));
  const rows = parseBody(status, body);
  if (fromHeader.length === 0) return rows instanceof RegistryError ? rows : fromRows(rows);
  return fromRows(rows instanceof RegistryError ? fromHeader : [...fromHeader, ...rows]);
}

/** The class of a registry's error: Docker passes its status on. */
export function codeOf(error: RegistryError): ErrorCode {
  const code = error.code.replace(/^BARE_/, '');
  if (code === 'UNAUTHORIZED') return 'unauthorized';
  if (code === 'DENIED') return 'forbidden';
  if (code === 'UNSUPPORTED') return 'methodNotAllowed';
  if (code === 'UNAVAILABLE') return 'unavailable';
  if (code.endsWith('_UNKNOWN')) return 'notFound';
  return code.includes('INVALID') ? 'invalidArgument' : 'internal';
}

/** What a failed pull answers its client (moby TranslatePullError): 404 or 500. */
export function pullError(error: unknown, reference: Reference): EngineError {
  if (error instanceof RegistryError && NOT_FOUND_CODES.includes(error.code)) {
    const first = error.message.startsWith('errors:\n')
      ? (error.message.split('\n')[1] ?? '')
      : error.message;
    const texts: Readonly<Record<string, string>> = {
      DENIED: `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login'`,
      MANIFEST_UNKNOWN: `manifest for ${familiarString(reference)} not found`,
      NAME_UNKNOWN: `repository ${familiarName(reference)} not found`,
    };
    return notFound(`${texts[error.code]}: ${first}`, { cause: error });
  }
  return isEngineError(error) ? error : internal(errorMessage(error), { cause: error });
}
