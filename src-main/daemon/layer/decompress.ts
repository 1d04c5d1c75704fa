/**
 * What an archive is compressed with is told by its first bytes (moby pkg/archive DetectCompression): gzip and zstd by
 * zlib on libuv's pool, bzip2 and xz by their programs, as Docker runs xz.
 */
import { spawn } from 'node:child_process';
import { Duplex, pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { hasErrno } from '../platform/libc.ts';

const CHUNK_BYTES = 256 * 1024;
const MAGIC_BYTES = 10;

/** A decompressor for these first bytes; undefined: they are the archive. */
export function decompressorFor(magic: Buffer): Duplex | undefined {
  const starts = (...bytes: readonly number[]): boolean =>
    bytes.every((byte, at) => magic[at] === byte);
  if (starts(0x1f, 0x8b)) return createGunzip({ chunkSize: CHUNK_BYTES });
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return createZstdDecompress({ chunkSize: CHUNK_BYTES });
  if (starts(0x42, 0x5a, 0x68)) return programDuplex('bzip2', ['-d', '-c', '-q']);
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return programDuplex('xz', ['-d', '-c', '-q']);
  return undefined;
}

/** A program's input and output; it fails with what the program said, and ends with the stream. */
function programDuplex(program: string, args: readonly string[]): Duplex {
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<string | undefined>((resolve) => {
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said += String(text);
    });
    child.once('error', (error) =>
      resolve(
        hasErrno(error, 'ENOENT')
          ? `exec: "${program}": executable file not found in $PATH`
          : error.message,
      ),
    );
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `exit status ${code ?? signal}: ${said || program}`),
    );
  });
  async function* output(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer;
      const failure = await ended;
      if (failure !== undefined) throw new Error(failure);
    } finally {
      child.kill();
    }
  }
  child.stdin.on('error', () => undefined);
  return Duplex.from({
    readable: Readable.from(output(), { objectMode: false }),
    writable: child.stdin,
  });
}

/** The first bytes, then everything including them. */
export async function peek(
  source: AsyncIterator<Buffer>,
): Promise<{ magic: Buffer; all: AsyncGenerator<Buffer> }> {
  const first: Buffer[] = [];
  let length = 0;
  while (length < MAGIC_BYTES) {
    const next = await source.next();
    if (next.done) break;
    first.push(next.value);
    length += next.value.length;
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield* first;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  }
  return { magic: Buffer.concat(first), all: all() };
}

/** The archive without its compression, whatever that is. The source is left where reading stopped. */
export async function* decompressed(source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  const { magic, all } = await peek(source);
  const decompressor = decompressorFor(magic);
  if (!decompressor) {
    yield* all;
    return;
  }
  // A failure of either destroys the decompressor with it, which ends the loop.
  pipeline(Readable.from(all), decompressor, () => undefined);
  for await (const chunk of decompressor) yield chunk as Buffer;
}
