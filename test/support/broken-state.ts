/** Files of a daemon's state, each of something of its own, and the ways in which they are broken. */
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from './daemon.ts';
import { dockerArchive, type FixtureImage, layeredImage } from './fixture-images.ts';

/** By what is said of the file afterwards. */
export const BREAKAGES: Readonly<Record<string, (path: string) => void>> = {
  emptied: (path) => truncateSync(path),
  'cut in half': (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
  scrambled: (path) => writeFileSync(path, randomBytes(statSync(path).size + 16)),
  'made a directory': (path) => {
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(path, 'stranger'), 'not ours');
  },
  removed: (path) => rmSync(path),
};

/** Something with one file of its state that will be broken. */
export interface Victim {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** Bytes of the user's that must outlive whatever happens to the file. */
  readonly data: string;
}

export interface Victims {
  /** By file. */
  readonly containers: Readonly<Record<string, Victim>>;
  readonly images: Readonly<Record<string, Victim & { readonly archive: Buffer }>>;
  readonly network: Omit<Victim, 'data'>;
  readonly volume: Victim;
}

const OF_CONTAINER = ['config.v2.json', 'hostconfig.json', 'state.json'];
const OF_MOUNT = ['mount-id', 'init-id'];
const OF_LAYER = ['diff', 'size', 'cache-id', 'parent', 'tar-split.gz'];
const OF_IMAGE = ['content', 'lastUpdated'];

const textIn = (...parts: readonly string[]): string => readFileSync(join(...parts), 'utf8').trim();

/** One for every kind of file; `round` makes their names. */
export async function makeVictims(daemon: TestDaemon, round: string): Promise<Victims> {
  const containers: Record<string, Victim> = {};
  for (const file of [...OF_CONTAINER, ...OF_MOUNT])
    containers[file] = await makeContainer(daemon, `${round}-${file}`, file);
  const images: Record<string, Victim & { archive: Buffer }> = {};
  for (const file of [...OF_LAYER, ...OF_IMAGE])
    images[file] = await makeImageVictim(daemon, `${round}-${file.toLowerCase()}`, file);
  return {
    containers,
    images,
    network: await makeNetwork(daemon, round),
    volume: await makeVolume(daemon, round),
  };
}

async function made(daemon: TestDaemon, path: string, body: unknown): Promise<string> {
  const answer = await daemon.api('POST', path, body);
  if (answer.status !== 201) throw new Error(`${path}: ${answer.body}`);
  return (JSON.parse(answer.body) as { Id: string }).Id;
}

/** A container at rest whose own layer has a file. */
export async function makeContainer(
  daemon: TestDaemon,
  name: string,
  file: string,
): Promise<Victim> {
  const id = await made(daemon, `/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['cat', '/mine'],
  });
  const mount = join(daemon.dataRoot, 'image/overlay2/layerdb/mounts', id);
  const data = join(daemon.dataRoot, 'overlay2', textIn(mount, 'mount-id'), 'diff/mine');
  writeFileSync(data, name);
  const directory = OF_MOUNT.includes(file) ? mount : join(daemon.dataRoot, 'containers', id);
  return { id, name, path: join(directory, file), data };
}

/** The record of the topmost layer. */
function topLayer(daemon: TestDaemon, image: FixtureImage): string {
  const records = join(daemon.dataRoot, 'image/overlay2/layerdb/sha256');
  const top = readdirSync(records).find(
    (name) => textIn(records, name, 'diff') === image.layers.at(-1)?.diffId,
  );
  return join(records, top ?? '');
}

export async function makeImageVictim(
  daemon: TestDaemon,
  name: string,
  file: string,
): Promise<Victim & { archive: Buffer }> {
  const image = await layeredImage(name);
  const archive = await dockerArchive([{ image, tags: [`${name}:latest`] }]);
  await daemon.docker(['load'], { input: archive });
  const layer = topLayer(daemon, image);
  const imagedb = join(daemon.dataRoot, 'image/overlay2/imagedb');
  const hex = image.id.slice('sha256:'.length);
  const places: Readonly<Record<string, string>> = {
    content: join(imagedb, 'content/sha256', hex),
    lastUpdated: join(imagedb, 'metadata/sha256', hex, 'lastUpdated'),
  };
  return {
    id: image.id,
    name,
    archive,
    path: places[file] ?? join(layer, file),
    data: join(daemon.dataRoot, 'overlay2', textIn(layer, 'cache-id'), 'diff/data/new'),
  };
}

async function makeNetwork(daemon: TestDaemon, name: string): Promise<Omit<Victim, 'data'>> {
  const id = await made(daemon, '/networks/create', { Name: name });
  return { id, name, path: join(daemon.dataRoot, 'network/files', `${id}.json`) };
}

async function makeVolume(daemon: TestDaemon, name: string): Promise<Victim> {
  await daemon.api('POST', '/volumes/create', { Name: name });
  const directory = join(daemon.dataRoot, 'volumes', name);
  writeFileSync(join(directory, '_data/mine'), name);
  return {
    id: name,
    name,
    path: join(directory, 'volume.json'),
    data: join(directory, '_data/mine'),
  };
}
