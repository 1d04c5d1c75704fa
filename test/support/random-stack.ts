/** Random stacks of layers, from choices that fast-check makes: valid for a daemon, odd for an unpacker. */
import * as fc from 'fast-check';
import { type FixtureImage, makeImage, sha256 } from './fixture-images.ts';
import { type RawEntry, rawTar } from './raw-tar.ts';

/** A name of each kind that has made trouble somewhere. */
const NAMES = [
  'a',
  'b',
  'dir',
  'x y',
  'ü-å-名',
  '.hidden',
  '-dash',
  'wh.it',
  `l${'o'.repeat(120)}ng`,
];
const TIMES = ['0', '1', '1700000000', '1234567890.123456789', '4000000000.5', '-5'];
const OWNERS = [0, 1, 33, 65_534, 3_000_000];
const CAPABILITY = '0100000200040000000000000000000000000000';

const attributes = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(...OWNERS),
  gid: fc.constantFrom(...OWNERS),
  mtime: fc.constantFrom(...TIMES),
});
const operation = fc.record({
  kind: fc.constantFrom(
    ...['file', 'file', 'file', 'directory', 'directory', 'symlink', 'hardlink', 'fifo'],
    ...['device', 'whiteout', 'whiteout', 'opaque'],
  ),
  path: fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
  other: fc.nat(100),
  content: fc.string({ maxLength: 200 }),
  attribute: fc.constantFrom('none', 'none', 'user', 'capability'),
  attributes,
  parents: attributes,
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

type Kind = 'file' | 'directory' | 'other' | 'whiteout';

const paxOf = ({ uid, gid, mtime }: Operation['attributes']): Record<string, string> => ({
  uid: String(uid),
  gid: String(gid),
  mtime,
});

/** One layer, written as an archiver does: parents before children, each path once (dockerd refuses repeated ones). */
class LayerBuilder {
  readonly entries: (RawEntry | Buffer)[] = [];
  readonly #kinds = new Map<string, Kind>();

  apply(op: Operation): void {
    const path = op.path.join('/');
    const known = this.#kinds.get(path);
    const parent = op.path.slice(0, -1);
    if (op.kind === 'opaque') {
      const mark = `${path}/.wh..wh..opq`;
      if (!this.#kinds.has(mark) && this.#makeDirectories(op.path, op.parents))
        this.#add(mark, 'other', {});
      return;
    }
    if (!this.#makeDirectories(parent, op.parents)) return;
    if (op.kind === 'whiteout') {
      const inside = [...parent, `.wh.${op.path.at(-1)}`].join('/');
      if (known === undefined) {
        this.#add(inside, 'other', {});
        this.#kinds.set(path, 'whiteout');
      }
      return;
    }
    if (known === undefined) this.#node(path, op);
  }

  #node(path: string, op: Operation): void {
    const { mode } = op.attributes;
    const pax = paxOf(op.attributes);
    const withAttribute = { ...pax, ...attributeRecords(op) };
    switch (op.kind) {
      case 'file':
        return this.#add(path, 'file', { mode, content: op.content, pax: withAttribute });
      case 'directory':
        return this.#add(path, 'directory', { type: '5', mode, pax });
      case 'symlink':
        return this.#add(path, 'other', {
          type: '2',
          pax: { ...pax, linkpath: op.content.replaceAll('\0', '') || '.' },
        });
      case 'fifo':
        return this.#add(path, 'other', { type: '6', mode, pax });
      case 'device':
        return this.#add(path, 'other', {
          type: '3',
          mode,
          pax,
          major: 1,
          minor: 3 + (op.other % 5),
        });
      default:
        return this.#hardlink(path, op.other);
    }
  }

  #hardlink(path: string, choice: number): void {
    const files = [...this.#kinds].filter(([name, kind]) => kind === 'file' && name !== path);
    const target = files[choice % Math.max(files.length, 1)]?.[0];
    if (target !== undefined) this.#add(path, 'file', { type: '1', pax: { linkpath: target } });
  }

  /** False when something else stands in the way. */
  #makeDirectories(parts: readonly string[], own: Operation['attributes']): boolean {
    for (let length = 1; length <= parts.length; length++) {
      const path = parts.slice(0, length).join('/');
      const kind = this.#kinds.get(path);
      if (kind === 'directory') continue;
      if (kind !== undefined) return false;
      this.#add(path, 'directory', { type: '5', mode: own.mode | 0o700, pax: paxOf(own) });
    }
    return true;
  }

  #add(path: string, kind: Kind, entry: Omit<RawEntry, 'name'>): void {
    this.entries.push({ name: 'entry', ...entry, pax: { ...entry.pax, path } });
    this.#kinds.set(path, kind);
  }
}

function attributeRecords({ attribute, other }: Operation): Record<string, string> {
  if (attribute === 'user') return { 'SCHILY.xattr.user.note': `value ${other}` };
  if (attribute === 'capability')
    return {
      'SCHILY.xattr.security.capability': Buffer.from(CAPABILITY, 'hex').toString('latin1'),
    };
  return {};
}

function imageOf(layers: readonly (readonly Operation[])[]): FixtureImage {
  return makeImage(
    layers.map((operations) => {
      const builder = new LayerBuilder();
      for (const one of operations) builder.apply(one);
      const tar = rawTar(...builder.entries);
      return { tar, diffId: sha256(tar) };
    }),
  );
}

/** Images of one to five layers. */
export const layerStacks: fc.Arbitrary<FixtureImage> = fc
  .array(fc.array(operation, { minLength: 1, maxLength: 14 }), { minLength: 1, maxLength: 5 })
  .map(imageOf);
