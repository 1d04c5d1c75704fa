/** The id a daemon has for as long as it has its data root: twelve groups of base32, as Docker's. */
import { createHash } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const GROUPS = 12;
const GROUP_LENGTH = 4;
const BITS = 5n;

export function daemonId(dataRoot: string, hostname: string): string {
  let number = BigInt(`0x${createHash('sha256').update(`${hostname}:${dataRoot}`).digest('hex')}`);
  const groups = Array.from({ length: GROUPS }, () => {
    let group = '';
    for (let index = 0; index < GROUP_LENGTH; index++) {
      group += ALPHABET[Number(number & 31n)] ?? '';
      number >>= BITS;
    }
    return group;
  });
  return groups.join(':');
}
