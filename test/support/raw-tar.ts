/** Tars byte by byte, honest or not: what no archive library would write. */

export interface RawEntry {
  readonly name: string;
  /** The type flag: '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' directory, '6' fifo. */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly major?: number;
  readonly minor?: number;
  /** What the header says, when it lies: text of the field. */
  readonly sizeField?: string | Buffer;
  /** Anything else in the header: offset → bytes. */
  readonly fields?: Readonly<Record<number, string | Buffer>>;
  /** Records of a pax header before it. */
  readonly pax?: Readonly<Record<string, string>>;
  readonly badChecksum?: boolean;
}

const BLOCK = 512;
const octal = (value: number, length: number): string =>
  `${value.toString(8).padStart(length - 1, '0')}\0`;

function padded(content: Buffer): Buffer {
  const rest = content.length % BLOCK;
  return rest === 0 ? content : Buffer.concat([content, Buffer.alloc(BLOCK - rest)]);
}

/** `LENGTH KEY=VALUE\n`, its own length counted. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length)
    length = String(length).length + Buffer.byteLength(rest);
  return `${length}${rest}`;
}

function header(entry: RawEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(entry.name.slice(0, 100), 0);
  block.write(octal(entry.mode ?? 0o644, 8), 100);
  block.write(octal(entry.uid ?? 0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(1_700_000_000, 12), 136);
  block.write(entry.type ?? '0', 156);
  block.write((entry.link ?? '').slice(0, 100), 157);
  block.write('ustar\x0000', 257);
  block.write(octal(entry.major ?? 0, 8), 329);
  block.write(octal(entry.minor ?? 0, 8), 337);
  const fields = { ...(entry.sizeField ? { 124: entry.sizeField } : {}), ...entry.fields };
  for (const [offset, value] of Object.entries(fields)) {
    Buffer.from(value as string).copy(block, Number(offset));
  }
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0) + (entry.badChecksum ? 1 : 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** One entry with its pax header and content, padded. */
export function rawEntry(entry: RawEntry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  const records = Object.entries(entry.pax ?? {}).map(([key, value]) => paxRecord(key, value));
  const pax =
    records.length > 0 ? [rawEntry({ name: 'pax', type: 'x', content: records.join('') })] : [];
  return Buffer.concat([...pax, header(entry, content.length), padded(content)]);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);

/** A whole archive. */
export function rawTar(...entries: readonly (RawEntry | Buffer)[]): Buffer {
  return Buffer.concat([
    ...entries.map((entry) => (Buffer.isBuffer(entry) ? entry : rawEntry(entry))),
    TAR_END,
  ]);
}
