/** Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go reads them (x/net/http/httpproxy). */
import { BlockList, isIP } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

const read = (environment: Environment, name: string): string =>
  environment[name] || environment[name.toLowerCase()] || '';

function splitPort(text: string): readonly [host: string, port: string] {
  const match = /^\[(.*)\](?::(\d+))?$/.exec(text) ?? /^([^:]*)(?::(\d+))?$/.exec(text);
  return match ? [match[1] ?? '', match[2] ?? ''] : [text, ''];
}

const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function isInside(address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/');
  if (isIP(address) === 0 || isIP(base) === 0 || !/^\d+$/.test(bits)) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family(base));
  return list.check(address, family(address));
}

/** One word of NO_PROXY. `example.com` stands for itself and all below it, `.example.com` for what is below. */
function matches(word: string, host: string, port: string): boolean {
  if (word === '*') return true;
  if (word.includes('/')) return isInside(host, word);
  const [name, wantedPort] = splitPort(word);
  if (wantedPort !== '' && wantedPort !== port) return false;
  if (isIP(name) !== 0) return name === host;
  const domain = name.replace(/^\*/, '');
  if (domain.startsWith('.')) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

/** The proxy's URL; undefined to go straight. This machine itself is never asked through a proxy. */
export function proxyFor(url: URL, environment: Environment = process.env): string | undefined {
  const isHttps = url.protocol === 'https:';
  const proxy = read(environment, isHttps ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (proxy === '') return undefined;
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  if (host === 'localhost' || isInside(host, '127.0.0.0/8') || host === '::1') return undefined;
  const port = url.port || (isHttps ? '443' : '80');
  const words = read(environment, 'NO_PROXY')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  if (words.some((word) => matches(word, host, port))) return undefined;
  return /^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`;
}
