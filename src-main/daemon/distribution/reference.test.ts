import { describe, expect, it } from 'vitest';
import {
  familiarName,
  familiarString,
  fullString,
  matchesPattern,
  parseAnyReference,
  parseReference,
  withTag,
} from './reference.ts';

const HEX = 'a'.repeat(64);

describe('parseReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox', 'busybox'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['me/app', 'docker.io/me/app', 'me/app'],
    ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox', 'busybox'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    [
      '127.0.0.1:5000/a/b_c/d--e:x.y-Z',
      '127.0.0.1:5000/a/b_c/d--e:x.y-Z',
      '127.0.0.1:5000/a/b_c/d--e:x.y-Z',
    ],
    [`busybox@sha256:${HEX}`, `docker.io/library/busybox@sha256:${HEX}`, `busybox@sha256:${HEX}`],
    [`a:b@sha256:${HEX}`, `docker.io/library/a:b@sha256:${HEX}`, `a:b@sha256:${HEX}`],
    ['docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b'],
  ])('reads %s', (text, full, familiar) => {
    const reference = parseReference(text);
    expect([fullString(reference), familiarString(reference)]).toEqual([full, familiar]);
  });

  it.each([
    ['', 'invalid reference format'],
    [':tag', 'invalid reference format'],
    ['a:', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a..b', 'invalid reference format'],
    ['a___b', 'invalid reference format'],
    [`a:${'t'.repeat(129)}`, 'invalid reference format'],
    ['Busybox', 'invalid reference format: repository name must be lowercase'],
    ['localhost:5000/App', 'invalid reference format: repository name must be lowercase'],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    ['a@sha256:abc', 'invalid reference format'],
    [`a@sha256:${'a'.repeat(40)}`, 'invalid checksum digest length'],
    [`a@md5:${'a'.repeat(32)}`, 'unsupported digest algorithm'],
    [
      `${'a'.repeat(128)}/${'b'.repeat(128)}`,
      'repository name must not be more than 255 characters',
    ],
  ])('refuses %j', (text, message) => {
    expect(() => parseReference(text)).toThrow(message);
  });

  it('takes no exponential time over a hostile name', () => {
    const start = performance.now();
    expect(() => parseReference(`${'a'.repeat(250)}!`)).toThrow('invalid reference format');
    expect(performance.now() - start).toBeLessThan(200);
  });
});

describe('parseAnyReference', () => {
  it('tells ids from names', () => {
    expect(parseAnyReference(HEX)).toEqual({ kind: 'id', digest: `sha256:${HEX}` });
    expect(parseAnyReference(`sha256:${HEX}`)).toEqual({ kind: 'id', digest: `sha256:${HEX}` });
    expect(parseAnyReference('abc').kind).toBe('named');
  });
});

describe('withTag', () => {
  it('refuses what is no tag', () => {
    expect(() => withTag(parseReference('a'), 'x/y')).toThrow('invalid tag format');
  });
});

describe('matchesPattern', () => {
  it.each([
    ['busybox', 'busybox:1', true],
    ['busy*', 'busybox:1', true],
    ['*:1', 'busybox:1', true],
    ['*', 'me/app:1', false],
    ['*/*', 'me/app:1', true],
    ['b?sy[a-c]ox:[!2]', 'busybox:1', false],
    ['b?sy[a-c]ox', 'busybox:1', true],
    ['busybox:2', 'busybox:1', false],
  ])('%s on %s is %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, parseReference(text))).toBe(expected);
  });

  it('names the repository of a domain in full', () => {
    expect(familiarName(parseReference('host.tld/x'))).toBe('host.tld/x');
  });
});
