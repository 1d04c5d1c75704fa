/**
 * Image names as Docker reads and prints them (docker/distribution reference, normalize.go).
 * `busybox` is `docker.io/library/busybox`; the short form is called the familiar one.
 */
import { invalidArgument } from '../../../shared/errors.ts';
import { isDigest, parseDigest } from './digest.ts';

export interface Reference {
  /** `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const NAME_LENGTH_MAX = 255;

// The separator is `-+` where the grammar has `-*`: the same language without exponential backtracking.
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DOMAIN_COMPONENT = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = `${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*(?::[0-9]+)?`;
const TAG = '[\\w][\\w.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(
  `^(${DOMAIN})/(${COMPONENT}(?:/${COMPONENT})*)(?::(${TAG}))?(?:@(${DIGEST}))?$`,
);
const ANCHORED_TAG = new RegExp(`^${TAG}$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;

function splitDomain(name: string): [domain: string, remainder: string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasDomain = slash !== -1 && (/[.:]/.test(first) || first === 'localhost');
  let [domain, remainder] = hasDomain ? [first, name.slice(slash + 1)] : [DEFAULT_DOMAIN, name];
  if (domain === LEGACY_DEFAULT_DOMAIN) domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !remainder.includes('/')) {
    remainder = OFFICIAL_PREFIX + remainder;
  }
  return [domain, remainder];
}

/** Parses a name with optional tag and digest. Throws invalidArgument in Docker's words. */
export function parseReference(text: string): Reference {
  if (IDENTIFIER.test(text)) {
    throw invalidArgument(
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const [domain, remainder] = splitDomain(text);
  const remoteName = remainder.split(':', 1)[0] ?? '';
  if (remoteName !== remoteName.toLowerCase()) {
    throw invalidArgument('invalid reference format: repository name must be lowercase');
  }
  const match = REFERENCE.exec(`${domain}/${remainder}`);
  if (match === null) throw invalidArgument('invalid reference format');
  const [, host = '', path = '', tag, digest] = match;
  if (host.length + 1 + path.length > NAME_LENGTH_MAX) {
    throw invalidArgument(`repository name must not be more than ${NAME_LENGTH_MAX} characters`);
  }
  return {
    domain: host,
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: parseDigest(digest) }),
  };
}

export type AnyReference =
  | { readonly kind: 'id'; readonly digest: string }
  | { readonly kind: 'named'; readonly reference: Reference };

/** A full id with or without `sha256:`, or else a name. */
export function parseAnyReference(text: string): AnyReference {
  if (IDENTIFIER.test(text)) return { kind: 'id', digest: `sha256:${text}` };
  if (isDigest(text)) return { kind: 'id', digest: text };
  return { kind: 'named', reference: parseReference(text) };
}

/** `docker.io/library/busybox` */
export function fullName(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** `busybox` */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const rest = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : path;
  return rest.includes('/') ? path : rest;
}

const suffix = ({ tag, digest }: Reference): string =>
  `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;

/** `busybox:latest` */
export function familiarString(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** `docker.io/library/busybox:latest` */
export function fullString(reference: Reference): string {
  return fullName(reference) + suffix(reference);
}

export function isNameOnly(reference: Reference): boolean {
  return reference.tag === undefined && reference.digest === undefined;
}

/** The name without tag and digest. */
export function trimReference({ domain, path }: Reference): Reference {
  return { domain, path };
}

/** Keeps the digest, if there is one. Throws invalidArgument `invalid tag format`. */
export function withTag(reference: Reference, tag: string): Reference {
  if (!ANCHORED_TAG.test(tag)) throw invalidArgument('invalid tag format');
  return { ...reference, tag };
}

/** Keeps the tag, if there is one. */
export function withDigest(reference: Reference, digest: string): Reference {
  return { ...reference, digest: parseDigest(digest) };
}

/** Adds `latest` to a bare name. */
export function withDefaultTag(reference: Reference): Reference {
  return isNameOnly(reference) ? { ...reference, tag: 'latest' } : reference;
}

function globToRegExp(pattern: string): RegExp {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] ?? '';
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') source += `\\${pattern[++i] ?? '\\'}`;
    else if (char === '[') {
      const end = pattern.indexOf(']', i + 2);
      if (end === -1) throw invalidArgument('syntax error in pattern');
      source += `[${pattern.slice(i + 1, end)}]`;
      i = end;
    } else source += char.replace(/[.+^${}()|\]/]/, '\\$&');
  }
  return new RegExp(`^${source}$`);
}

/** True when the shell pattern fits the familiar string or the familiar name (`*` stops at `/`). */
export function matchesPattern(pattern: string, reference: Reference): boolean {
  const glob = globToRegExp(pattern);
  return glob.test(familiarString(reference)) || glob.test(familiarName(reference));
}
