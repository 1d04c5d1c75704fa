import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveUser } from './resolve-user.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wl-user-'));
  await mkdir(join(root, 'etc'));
  await writeFile(
    join(root, 'etc/passwd'),
    '# people\nroot:x:0:0:root:/root:/bin/sh\napp:x:1000:100:App:/home/app:/bin/sh\n77:x:5:5::/odd:/bin/sh\n\nbroken\n',
  );
  await writeFile(
    join(root, 'etc/group'),
    'root:x:0:\nusers:x:100:\nwheel:x:10:root,app\naudio:x:29:app\n',
  );
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('resolveUser', () => {
  it.each([
    ['', [], { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' }],
    ['root', [], { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' }],
    ['app', [], { uid: 1000, gid: 100, additionalGids: [100, 10, 29], home: '/home/app' }],
    ['1000', [], { uid: 1000, gid: 100, additionalGids: [100, 10, 29], home: '/home/app' }],
    ['app:wheel', [], { uid: 1000, gid: 10, additionalGids: [10], home: '/home/app' }],
    ['app:55', [], { uid: 1000, gid: 55, additionalGids: [55], home: '/home/app' }],
    ['4242', [], { uid: 4242, gid: 0, additionalGids: [0], home: '/' }],
    [
      '4242:4343',
      ['audio', '7'],
      { uid: 4242, gid: 4343, additionalGids: [4343, 29, 7], home: '/' },
    ],
    // Digits are an id, never the name of a user.
    ['77', [], { uid: 77, gid: 0, additionalGids: [0], home: '/' }],
  ])('finds %j with groups %j', async (user, groupAdd, found) => {
    expect(await resolveUser(root, user, groupAdd)).toEqual(found);
  });

  it.each([
    ['nobody', [], 'unable to find user nobody: no matching entries in passwd file'],
    ['app:nogroup', [], 'unable to find group nogroup: no matching entries in group file'],
    ['app', ['nogroup'], 'Unable to find group nogroup: no matching entries in group file'],
    ['99999999999', [], 'uids and gids must be in range 0-2147483647'],
    ['0:99999999999', [], 'uids and gids must be in range 0-2147483647'],
  ])('refuses %j with groups %j', async (user, groupAdd, message) => {
    await expect(resolveUser(root, user, groupAdd)).rejects.toMatchObject({ status: 500, message });
  });

  it('runs as root in an image without a passwd file', async () => {
    expect(await resolveUser('/nonexistent', '')).toMatchObject({ uid: 0, gid: 0, home: '/' });
    await expect(resolveUser('/nonexistent', 'app')).rejects.toThrow('unable to find user app');
  });

  it('follows a link inside the root and never out of it', async () => {
    const trap = await mkdtemp(join(tmpdir(), 'wl-user-trap-'));
    await mkdir(join(trap, 'etc'));
    await symlink('/etc/../../../../etc/hostname', join(trap, 'etc/passwd'));
    await symlink('/data/group', join(trap, 'etc/group'));
    await mkdir(join(trap, 'data'));
    await writeFile(join(trap, 'data/group'), 'inside:x:4:\n');
    expect(await resolveUser(trap, '0:inside')).toMatchObject({ uid: 0, gid: 4 });
    await rm(trap, { recursive: true });
  });
});
