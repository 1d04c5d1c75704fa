/**
 * An image made here and now, for a first container without the internet: one program of a few machine
 * words (x86-64) that says a line every ten seconds. As a `docker save` archive.
 */
import { makeTar, type TarHeader } from '../files/tar.ts';

export const SAMPLE_IMAGE = 'windlass/sample:1';
const MESSAGE = 'Ahoy! This container was made by Windlass, without the internet.\n';

const HEADER_BYTES = 0x78;
const CODE_BYTES = 48;
const PAUSE_BYTES = 16;
/** Where the kernel puts the file. */
const LOAD_ADDRESS = 0x400000;
const PAUSE_SECONDS = 10;

/** write(1, message); nanosleep(pause); and again. */
const CODE = [
  ...[0xb8, 1, 0, 0, 0], // mov eax, 1 (write)
  ...[0xbf, 1, 0, 0, 0], // mov edi, 1
  ...[0x48, 0x8d, 0x35, CODE_BYTES + PAUSE_BYTES - 17, 0, 0, 0], // lea rsi, message
  ...[0xba, MESSAGE.length, 0, 0, 0], // mov edx, length
  ...[0x0f, 0x05], // syscall
  ...[0xb8, 35, 0, 0, 0], // mov eax, 35 (nanosleep)
  ...[0x48, 0x8d, 0x3d, CODE_BYTES - 36, 0, 0, 0], // lea rdi, pause
  ...[0x31, 0xf6], // xor esi, esi
  ...[0x0f, 0x05], // syscall
  ...[0xeb, 0xd6], // jmp to the beginning
];

/** A static program of one segment (ELF64, System V ABI chapters 4 and 5). */
function program(): Uint8Array<ArrayBuffer> {
  const message = new TextEncoder().encode(MESSAGE);
  const size = HEADER_BYTES + CODE_BYTES + PAUSE_BYTES + message.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number): void => view.setUint32(at, value, true);
  const half = (at: number, value: number): void => view.setUint16(at, value, true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  half(16, 2); // an executable
  half(18, 62); // x86-64
  word(20, 1);
  word(24, LOAD_ADDRESS + HEADER_BYTES); // entry
  word(32, 64); // program header
  half(52, 64);
  half(54, 56);
  half(56, 1);
  word(64, 1); // PT_LOAD
  word(68, 5); // read, execute
  word(80, LOAD_ADDRESS);
  word(88, LOAD_ADDRESS);
  word(96, size);
  word(104, size);
  word(112, 0x1000);
  bytes.set(CODE, HEADER_BYTES);
  word(HEADER_BYTES + CODE_BYTES, PAUSE_SECONDS);
  bytes.set(message, HEADER_BYTES + CODE_BYTES + PAUSE_BYTES);
  return bytes;
}

const header = (name: string, size: number, mode = 0o644): TarHeader => ({
  name,
  size,
  mode,
  uid: 0,
  gid: 0,
  modifiedMs: 0,
  type: '0',
  linkTarget: '',
});

async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The archive, for `POST /images/load`. */
export async function sampleArchive(): Promise<Blob> {
  const binary = new Blob([program()]);
  const layer = makeTar([{ header: header('ahoy', binary.size, 0o755), body: binary }]);
  const config = new Blob([
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      // The first process of a container hears no other signal it has no handler for.
      config: { Entrypoint: ['/ahoy'], StopSignal: 'SIGKILL' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await sha256(layer)}`] },
      history: [{ created: '2026-01-01T00:00:00Z', created_by: 'Windlass' }],
    }),
  ]);
  const configName = `${await sha256(config)}.json`;
  const manifest = new Blob([
    JSON.stringify([{ Config: configName, RepoTags: [SAMPLE_IMAGE], Layers: ['layer.tar'] }]),
  ]);
  return makeTar([
    { header: header('layer.tar', layer.size), body: layer },
    { header: header(configName, config.size), body: config },
    { header: header('manifest.json', manifest.size), body: manifest },
  ]);
}
