/** Whether we are root only for ourselves: in a user namespace, as rootless daemons are. */
import { readFileSync } from 'node:fs';

/** The first namespace maps every id to itself (user_namespaces(7)). */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

function readIsInUserNamespace(): boolean {
  try {
    return !ALL_IDS.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    // A kernel without user namespaces has no such file.
    return false;
  }
}

/** Does not change while a process lives. */
export const isInUserNamespace = readIsInUserNamespace();

/** What overlay notes about directories: `trusted.` is for real root, `user.` for others (mount option userxattr). */
export const OPAQUE_XATTR = isInUserNamespace ? 'user.overlay.opaque' : 'trusted.overlay.opaque';
