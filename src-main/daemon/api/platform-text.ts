/** A platform in a query, `os/architecture/variant` (containerd platforms.Parse). */
import { invalidArgument } from '../../../shared/errors.ts';
import { hostPlatform } from '../distribution/platform.ts';
import type { Platform } from '../image/image-service.ts';

const SYSTEMS = ['linux', 'windows', 'darwin', 'macos', 'freebsd', 'netbsd', 'openbsd', 'solaris'];
const ARCHITECTURES = [
  ...['386', 'amd64', 'arm', 'arm64', 'ppc64', 'ppc64le', 'mips64le', 'riscv64', 's390x'],
  ...['i386', 'x86_64', 'x86-64', 'aarch64', 'armhf', 'armel'],
];

/** `linux/amd64/v2` → its parts; a system or an architecture alone is completed with this machine's. */
export function parsePlatform(text: string): Platform | undefined {
  if (text === '') return undefined;
  const parts = text.split('/');
  const wrong = parts.find((part) => !/^[A-Za-z0-9_-]+$/.test(part));
  if (wrong !== undefined || parts.length > 3)
    throw invalidArgument(
      `"${wrong ?? text}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_-]+$"`,
    );
  const [first = '', architecture, variant] = parts;
  if (architecture !== undefined)
    return { os: first, architecture, ...(variant === undefined ? {} : { variant }) };
  const word = first.toLowerCase();
  if (SYSTEMS.includes(word)) return { ...hostPlatform(), os: word };
  if (ARCHITECTURES.includes(word)) return { os: hostPlatform().os, architecture: word };
  throw invalidArgument(`"${text}": unknown operating system or architecture: invalid argument`);
}
