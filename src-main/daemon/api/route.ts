/** Routes as data: a method, a path with `{name}` and `{name...}` (rest), and what to do. */
import type { ApiRequest } from './request.ts';

export type Handler = (request: ApiRequest) => Promise<void> | void;

export interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly handle: Handler;
}

/** Compiles a route; `{name...}` takes slashes too (image names). */
export function route(method: string, path: string, handle: Handler): Route {
  const names: string[] = [];
  const source = path.replace(/\{(\w+)(\.\.\.)?\}/g, (_, name: string, rest?: string) => {
    names.push(name);
    return rest ? '(.+)' : '([^/]+)';
  });
  return { method, pattern: new RegExp(`^${source}$`), names, handle };
}

export const get = (path: string, handle: Handler): Route => route('GET', path, handle);
export const post = (path: string, handle: Handler): Route => route('POST', path, handle);
export const del = (path: string, handle: Handler): Route => route('DELETE', path, handle);
export const put = (path: string, handle: Handler): Route => route('PUT', path, handle);
export const head = (path: string, handle: Handler): Route => route('HEAD', path, handle);
