/** What an image archive holds: docker-archive's manifest.json or an OCI layout's index.json. */
import { z } from 'zod';
import { invalidArgument } from '../../../shared/errors.ts';
import { hexOf } from '../distribution/digest.ts';
import { type IndexRow, parseManifest } from '../distribution/manifest.ts';
import { hostPlatform, matchingPlatforms } from '../distribution/platform.ts';
import type { ArchiveEntries } from './archive-entries.ts';

/** One image of the archive; paths are names within it. */
export interface ArchivedImage {
  readonly configPath: string;
  readonly layerPaths: readonly string[];
  readonly repoTags: readonly string[];
  readonly parent?: string;
}

const dockerSchema = z.array(
  z.looseObject({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).nullish(),
    Parent: z.string().optional(),
  }),
);

const INDEX_DEPTH_MAX = 4;
/** containerd's annotation has the whole name, OCI's usually just the tag. */
const NAME_ANNOTATIONS = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

async function parseJson(entries: ArchiveEntries, name: string): Promise<unknown> {
  const text = (await entries.read(name)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    // What Docker's decoder says of the first character, or of an early end.
    const [first] = text.trimStart();
    const words =
      first === undefined || '{["'.includes(first)
        ? 'unexpected EOF'
        : `invalid character '${first}' looking for beginning of value`;
    throw invalidArgument(words, { cause: error, status: 500 });
  }
}

/** Undefined when the archive is neither (then it may be of the oldest kind). */
export async function readArchive(
  entries: ArchiveEntries,
): Promise<readonly ArchivedImage[] | undefined> {
  if (entries.find('manifest.json')) {
    const parsed = dockerSchema.safeParse(await parseJson(entries, 'manifest.json'));
    if (!parsed.success) {
      throw invalidArgument(`invalid manifest: ${z.prettifyError(parsed.error)}`, { status: 500 });
    }
    return parsed.data.map((item) => ({
      configPath: item.Config,
      layerPaths: item.Layers ?? [],
      repoTags: item.RepoTags ?? [],
      ...(item.Parent ? { parent: item.Parent } : {}),
    }));
  }
  if (!entries.find('index.json')) return undefined;
  const manifest = parseManifest((await entries.read('index.json')).toString('utf8'), '');
  if (manifest.kind !== 'index') throw invalidArgument('invalid archive: index.json is no index');
  const images = await Promise.all(manifest.manifests.map((row) => readRow(entries, row, 0)));
  return images.filter((image) => image !== undefined);
}

const blobPath = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

function namesOf(annotations: Readonly<Record<string, string>> = {}): string[] {
  const name = annotations[NAME_ANNOTATIONS[0] ?? ''] ?? annotations[NAME_ANNOTATIONS[1] ?? ''];
  return name !== undefined && /[/:]/.test(name) ? [name] : [];
}

async function readRow(
  entries: ArchiveEntries,
  row: IndexRow,
  depth: number,
): Promise<ArchivedImage | undefined> {
  const text = (await entries.read(blobPath(row.digest))).toString('utf8');
  const manifest = parseManifest(text, row.mediaType);
  const repoTags = namesOf(row.annotations);
  if (manifest.kind === 'index') {
    const fitting = matchingPlatforms(manifest.manifests, hostPlatform())[0];
    if (!fitting || depth >= INDEX_DEPTH_MAX) return undefined;
    const image = await readRow(entries, fitting, depth + 1);
    return image && { ...image, repoTags: [...repoTags, ...image.repoTags] };
  }
  if (manifest.kind !== 'image') throw invalidArgument('unsupported manifest format');
  return {
    configPath: blobPath(manifest.config.digest),
    layerPaths: manifest.layers.map(({ digest }) => blobPath(digest)),
    repoTags,
  };
}
