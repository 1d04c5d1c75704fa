/** Who may talk to the web shell: a browser that was given the token, asking this very address. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export class Access {
  readonly #token = randomBytes(32).toString('hex');
  readonly #origin: string;
  /** Cookies are shared by all ports of a machine: two windows must not take each other's. */
  readonly #cookie: string;

  constructor(port: number) {
    this.#origin = `http://127.0.0.1:${port}`;
    this.#cookie = `windlass-${port}`;
  }

  /** What to open; holds the token. */
  get address(): string {
    return `${this.#origin}/?token=${this.#token}`;
  }

  /** Asked under our own name: a page that made its name point here (DNS rebinding) is not. */
  isLocal(request: IncomingMessage): boolean {
    return `http://${request.headers.host}` === this.#origin;
  }

  /** The request's URL, or undefined when it has none. */
  urlOf(request: IncomingMessage): URL | undefined {
    return URL.parse(request.url ?? '', this.#origin) ?? undefined;
  }

  /** The cookie for a request that brings the token in its address. */
  cookieFor(url: URL): string | undefined {
    const token = url.searchParams.get('token');
    if (token === null || !this.#isToken(token)) return undefined;
    return `${this.#cookie}=${token}; HttpOnly; SameSite=Strict; Path=/`;
  }

  hasCookie(request: IncomingMessage): boolean {
    const cookies = (request.headers.cookie ?? '').split(/;\s*/);
    const own = cookies.find((cookie) => cookie.startsWith(`${this.#cookie}=`));
    return own !== undefined && this.#isToken(own.slice(this.#cookie.length + 1));
  }

  /** Browsers send the origin of the page that opens a WebSocket; other pages must not reach us by it. */
  isOwnPage(request: IncomingMessage): boolean {
    return request.headers.origin === this.#origin;
  }

  #isToken(given: string): boolean {
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(given), digest(this.#token));
  }
}
