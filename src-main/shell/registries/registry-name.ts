/** One name for a registry, however it is written. */

const HUB_NAMES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
/** What Docker Hub is called where credentials are kept (cli/config, registry.IndexServer). */
const HUB_KEY = 'https://index.docker.io/v1/';

/** `https://index.docker.io/v1/` → `docker.io`; `https://host:5000/v2/` → `host:5000`. */
export function registryName(address: string): string {
  const host = address
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '');
  return HUB_NAMES.has(host) ? 'docker.io' : host;
}

/** The name under which credential programs know it. */
export const credentialKey = (name: string): string => (name === 'docker.io' ? HUB_KEY : name);

/** The registry of an image's name, as Docker reads it (distribution reference, splitDockerDomain). */
export function registryOfImage(image: string): string {
  const slash = image.indexOf('/');
  const first = image.slice(0, Math.max(slash, 0));
  return slash > 0 && (/[.:]/.test(first) || first === 'localhost')
    ? registryName(first)
    : 'docker.io';
}

/** The registry an engine request needs a login of; undefined when it needs none. */
export function registryOfRequest(method: string, path: string): string | undefined {
  const url = new URL(path, 'http://engine');
  if (method === 'POST' && url.pathname === '/images/create') {
    const image = url.searchParams.get('fromImage');
    return image ? registryOfImage(image) : undefined;
  }
  const push = method === 'POST' && /^\/images\/(.+)\/push$/.exec(url.pathname);
  const look = method === 'GET' && /^\/distribution\/(.+)\/json$/.exec(url.pathname);
  const image = (push || look || [])[1];
  return image === undefined ? undefined : registryOfImage(decodeURIComponent(image));
}
