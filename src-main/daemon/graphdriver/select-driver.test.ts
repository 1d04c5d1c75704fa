import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import { parseBytes } from '../platform/go-values.ts';
import type { GraphDriver } from './graphdriver.ts';
import { selectGraphDriver } from './select-driver.ts';

let dataRoot: string;
let logged: string[];

beforeEach(() => {
  dataRoot = mkdtempSync(join(tmpdir(), 'windlass-select-'));
  logged = [];
});
afterEach(() => rmSync(dataRoot, { recursive: true, force: true }));

const select = (explicit?: string, options: readonly string[] = []): Promise<GraphDriver> =>
  selectGraphDriver({
    dataRoot,
    ...(explicit === undefined ? {} : { explicit }),
    options,
    log: createLog({ level: 'debug', format: 'text', write: (line) => logged.push(line) }),
  });

/** As a daemon with that driver leaves it. */
const use = (...names: readonly string[]): void => {
  for (const name of names) mkdirSync(join(dataRoot, name, 'x'), { recursive: true });
};

describe('choosing', () => {
  it('takes the first of the list that can run on the file system', async () => {
    expect((await select()).name).toBe('overlay2');
    const refused = logged.filter((line) => line.includes('cannot be used here'));
    expect(refused.map((line) => /(btrfs|zfs)/.exec(line)?.[1])).toEqual(['btrfs', 'zfs']);
  });

  it('takes the driver that was used before, and not vfs for that', async () => {
    use('vfs', 'overlay2');
    expect((await select()).name).toBe('overlay2');
    rmSync(join(dataRoot, 'overlay2'), { recursive: true });
    expect((await select()).name).toBe('overlay2');
  });

  it('fails when the driver that was used before cannot run', async () => {
    use('overlay2', 'btrfs');
    await expect(select()).rejects.toThrow(
      'error initializing graphdriver: prerequisites for driver not satisfied (wrong filesystem?)',
    );
    expect((await select('overlay2')).name).toBe('overlay2');
  });

  it('fails when two were used before, and names them', async () => {
    use('overlay2', 'fuse-overlayfs', 'vfs');
    await expect(select()).rejects.toThrow(
      `error initializing graphdriver: ${dataRoot} contains several valid graphdrivers: overlay2, fuse-overlayfs; Please cleanup or explicitly choose storage driver (-s <DRIVER>)`,
    );
    expect((await select('overlay2')).name).toBe('overlay2');
  });

  it.each(['aufs', 'overlay', 'devicemapper'])('refuses %s with the way out', async (name) => {
    const words = /^error initializing graphdriver: driver not supported: .*docker save.*overlay2$/;
    await expect(select(name)).rejects.toThrow(words);
    use(name);
    await expect(select()).rejects.toThrow(words);
  });

  it.each(['btrfs', 'zfs'])('refuses %s where it cannot be', async (name) => {
    await expect(select(name)).rejects.toThrow(
      'error initializing graphdriver: prerequisites for driver not satisfied (wrong filesystem?)',
    );
  });

  it('names the drivers there are for one there is not', async () => {
    await expect(select('nope')).rejects.toThrow(
      'error initializing graphdriver: driver not supported: there is no driver "nope"; there are overlay2, fuse-overlayfs, btrfs, zfs, vfs',
    );
  });
});

it.each([
  ['overlay2', 'overlay2.size=xx', "invalid size: 'xx'"],
  [
    'overlay2',
    'overlay2.size=1G',
    /^Storage Option overlay2.size only supported for backingFS XFS/,
  ],
  [
    'overlay2',
    'overlay2.override_kernel_check=xx',
    'strconv.ParseBool: parsing "xx": invalid syntax',
  ],
  ['vfs', 'size=1G', 'Filesystem does not support, or has not enabled quotas'],
])('%s refuses the option %s', async (name, option, words) => {
  const message = await select(name, [option]).then(
    () => 'opened',
    (error: Error) => error.message.replace('error initializing graphdriver: ', ''),
  );
  if (typeof words === 'string') expect(message).toBe(words);
  else expect(message).toMatch(words);
});

it.each([
  ['512', 512],
  ['10k', 10_240],
  ['1.5 GiB', 1_610_612_736],
  ['2TB', 2_199_023_255_552],
])('reads the size %s', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});
