/** Platforms of images: normal form, text form and what runs on what (containerd platforms). */
import type { Platform } from '../image/image-service.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  i386: '386',
  ia32: '386',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  x64: 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
};

const withVariant = (os: string, architecture: string, variant: string): Platform =>
  variant === '' ? { os, architecture } : { os, architecture, variant };

/** One spelling for each platform: `x86_64` is amd64, arm64's v8 goes without saying, arm is v7. */
function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const architecture = ARCHITECTURES[given] ?? given;
  let variant = (platform.variant ?? '').toLowerCase();
  if (architecture === 'amd64' || architecture === '386') variant = '';
  if (architecture === 'arm64' && (variant === '8' || variant === 'v8')) variant = '';
  if (architecture === 'arm') {
    if (given === 'armel') variant = 'v6';
    else if (variant === '') variant = 'v7';
    else if (/^[5-8]$/.test(variant)) variant = `v${variant}`;
  }
  return withVariant(os, architecture, variant);
}

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: process.arch });
}

/** `linux/arm/v7` */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
}

const equals = (a: Platform, b: Platform): boolean =>
  a.os === b.os && a.architecture === b.architecture && (a.variant ?? '') === (b.variant ?? '');

/** True when both name the same platform. */
function isSamePlatform(a: Platform, b: Platform): boolean {
  return equals(normalizePlatform(a), normalizePlatform(b));
}

/** What `wanted` also runs, best first: an arm v7 takes v6 and v5; arm64 takes arm. */
function accepted(wanted: Platform): Platform[] {
  const { os, architecture, variant } = wanted;
  const arm = (highest: number): Platform[] =>
    [8, 7, 6, 5].filter((n) => n <= highest).map((n) => withVariant(os, 'arm', `v${n}`));
  if (architecture === 'arm') return arm(Number(variant?.slice(1) ?? 7));
  if (architecture === 'arm64' && variant === undefined) return [wanted, ...arm(8)];
  return [wanted];
}

/** True when an image of platform `actual` satisfies a wish for `wanted` (moby OnlyPlatformWithFallback). */
export function satisfiesPlatform(wanted: Platform, actual: Platform): boolean {
  const wish = normalizePlatform(wanted);
  const have = normalizePlatform(actual);
  if (accepted(wish).some((platform) => equals(platform, have))) return true;
  // Image configs often leave the variant out; then the architecture decides.
  const hasNoVariant = actual.variant === undefined || actual.variant === '';
  return hasNoVariant && wish.os === have.os && wish.architecture === have.architecture;
}

/** The rows of an index that fit, in the index's order; any arm for an arm no row of which fits. */
export function matchingPlatforms<T extends { readonly platform?: Platform | undefined }>(
  rows: readonly T[],
  wanted: Platform,
): readonly T[] {
  const wish = normalizePlatform(wanted);
  const exact = rows.filter((row) => row.platform && isSamePlatform(row.platform, wish));
  if (exact.length > 0 || wish.architecture !== 'arm') return exact;
  return rows.filter(
    (row) => row.platform?.os === wish.os && row.platform.architecture === wish.architecture,
  );
}
