/** Where plugins are found: `<name>.sock`, `<name>/<name>.sock`, `<name>.spec`, `<name>.json` (moby pkg/plugins/discovery.go). */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { invalidArgument } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';

export interface PluginDirectories {
  /** Searched for sockets. */
  readonly sockets: readonly string[];
  /** Searched for `.spec` and `.json`, after the sockets. */
  readonly specs: readonly string[];
}

/** Docker's places and ours beside them. */
export const pluginDirectories = (execRoot: string): PluginDirectories => ({
  sockets: [join(execRoot, 'plugins'), '/run/docker/plugins'],
  specs: ['/etc/windlass/plugins', '/etc/docker/plugins', '/usr/lib/docker/plugins'],
});

const specSchema = z.object({
  Name: z.string().optional(),
  Addr: z.string(),
  TLSConfig: z
    .object({
      InsecureSkipVerify: z.boolean().optional(),
      CAFile: z.string().optional(),
      CertFile: z.string().optional(),
      KeyFile: z.string().optional(),
    })
    .nullish(),
});

/** Where a plugin listens. */
export interface PluginAddress {
  readonly name: string;
  /** `unix:///PATH`, `tcp://HOST:PORT`, `http://…` or `https://…`. */
  readonly url: string;
  readonly tls?: NonNullable<z.infer<typeof specSchema>['TLSConfig']>;
}

/** A name is one word of a path, whoever asks. */
const NAME_PATTERN = /^[\w][\w.-]*$/;

/** The plugin's address; undefined when nobody offers one. Throws invalidArgument for a broken spec. */
export async function findPlugin(
  directories: PluginDirectories,
  name: string,
): Promise<PluginAddress | undefined> {
  if (!NAME_PATTERN.test(name)) return undefined;
  for (const directory of directories.sockets) {
    for (const path of [join(directory, `${name}.sock`), join(directory, name, `${name}.sock`)])
      if (await isSocket(path)) return { name, url: `unix://${path}` };
  }
  for (const directory of directories.specs) {
    for (const base of [directory, join(directory, name)]) {
      const spec = await textOf(join(base, `${name}.spec`));
      if (spec !== undefined) return { name, url: checkedUrl(name, spec.trim()) };
      const json = await textOf(join(base, `${name}.json`));
      if (json !== undefined) return fromJson(name, json);
    }
  }
  return undefined;
}

/** Every name that some directory offers. */
export async function listPluginNames({
  sockets,
  specs,
}: PluginDirectories): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const directory of sockets) {
    for (const entry of await entriesOf(directory)) {
      const plain = entry.replace(/\.sock$/, '');
      if (await findPlugin({ sockets: [directory], specs: [] }, plain)) names.add(plain);
    }
  }
  for (const directory of specs) {
    for (const entry of await entriesOf(directory)) {
      const plain = entry.replace(/\.(spec|json)$/, '');
      const isOffered = await findPlugin({ sockets: [], specs: [directory] }, plain).then(
        (address) => address !== undefined,
        // Broken: whoever asks for it by name is told why.
        () => false,
      );
      if (isOffered) names.add(plain);
    }
  }
  return [...names];
}

function fromJson(name: string, text: string): PluginAddress {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`plugin ${name}: its spec is no JSON`, { cause: error });
  }
  const spec = specSchema.safeParse(parsed);
  if (!spec.success) throw invalidArgument(`plugin ${name}: its spec has no usable Addr`);
  const { Addr, TLSConfig } = spec.data;
  return { name, url: checkedUrl(name, Addr), ...(TLSConfig ? { tls: TLSConfig } : {}) };
}

function checkedUrl(name: string, text: string): string {
  if (!/^(unix|tcp|https?):\/\/./.test(text))
    throw invalidArgument(`plugin ${name}: unknown protocol in "${text}"`);
  return text;
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isSocket();
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
    throw error;
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    // What a rootless daemon may not look into is none of its.
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}
