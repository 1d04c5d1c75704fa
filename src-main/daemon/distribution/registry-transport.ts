/** Connections to a registry and to where it redirects, each straight or through the proxy for it. */
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { proxyFor } from './proxy-choice.ts';
import type { EndpointTls } from './registry-tls.ts';

const CONNECT_TIMEOUT_MS = 30_000;

export class RegistryTransport {
  readonly #tls: EndpointTls;
  readonly #stallTimeoutMs: number;
  /** By proxy; '' goes straight. */
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(tls: EndpointTls, stallTimeoutMs: number) {
    this.#tls = tls;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  request(
    url: URL,
    options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>,
  ): Promise<Dispatcher.ResponseData> {
    const { origin, pathname, search } = url;
    return this.#dispatcherFor(url).request({ ...options, origin, path: pathname + search });
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((one) => one.destroy()));
  }

  #dispatcherFor(url: URL): Dispatcher {
    const proxy = proxyFor(url);
    const key = proxy === undefined ? '' : `${url.protocol}${proxy}`;
    const present = this.#dispatchers.get(key);
    if (present) return present;
    const { ca, ...rest } = this.#tls;
    const tls = { ...rest, ...(ca ? { ca: [...ca] } : {}) };
    const timeouts = { headersTimeout: this.#stallTimeoutMs, bodyTimeout: this.#stallTimeoutMs };
    const created =
      proxy === undefined
        ? new Agent({ ...timeouts, connect: { timeout: CONNECT_TIMEOUT_MS, ...tls } })
        : new ProxyAgent({
            ...timeouts,
            uri: proxy,
            requestTls: tls,
            // Plain http is asked of the proxy itself, as Go does.
            proxyTunnel: url.protocol === 'https:',
          });
    this.#dispatchers.set(key, created);
    return created;
  }
}
