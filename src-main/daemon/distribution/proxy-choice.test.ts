import { expect, it } from 'vitest';
import { proxyFor } from './proxy-choice.ts';

const ENVIRONMENT = {
  HTTP_PROXY: 'plain.proxy:3128',
  https_proxy: 'http://secure.proxy:3129',
  NO_PROXY:
    'example.com, .below.org,*.star.net 10.1.0.0/16,192.0.2.7,ported.io:5000,[2001:db8::1]:443',
};

it.each([
  ['http://registry.io/v2/', 'http://plain.proxy:3128'],
  ['https://registry.io/v2/', 'http://secure.proxy:3129'],
  ['https://localhost:5000/', undefined],
  ['http://127.9.9.9/', undefined],
  ['http://[::1]:5000/', undefined],
  ['https://example.com/', undefined],
  ['https://deep.example.com/', undefined],
  ['https://notexample.com/', 'http://secure.proxy:3129'],
  ['https://below.org/', 'http://secure.proxy:3129'],
  ['https://a.below.org/', undefined],
  ['https://A.STAR.net/', undefined],
  ['https://10.1.2.3/', undefined],
  ['https://10.2.2.3/', 'http://secure.proxy:3129'],
  ['https://192.0.2.7:8443/', undefined],
  ['https://ported.io:5000/', undefined],
  ['https://ported.io/', 'http://secure.proxy:3129'],
  ['https://[2001:db8::1]/', undefined],
])('sends %s through %s', (url, proxy) => {
  expect(proxyFor(new URL(url), ENVIRONMENT)).toBe(proxy);
});

it('goes straight without proxies, and with a NO_PROXY for all', () => {
  expect(proxyFor(new URL('https://registry.io/'), {})).toBeUndefined();
  expect(
    proxyFor(new URL('https://registry.io/'), { HTTPS_PROXY: 'p:1', no_proxy: '*' }),
  ).toBeUndefined();
});
