/** Who a process runs as: `user[:group]` looked up in the container's own files (runc libcontainer/user). */
import { readFile } from 'node:fs/promises';
import { internal } from '../../../shared/errors.ts';
import { resolveInRoot } from '../platform/resolve-in-root.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Home directory, `/` when unknown. */
  readonly home: string;
}

interface PasswdRow {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupRow {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const MAX_ID = 0x7fffffff;
const isNumber = (text: string): boolean => /^\d+$/.test(text);

async function rowsOf(root: string, path: string): Promise<string[][]> {
  const file = await resolveInRoot(root, path);
  if (file.kind !== 'file') return [];
  const text = await readFile(file.path, 'utf8');
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

async function passwd(root: string): Promise<PasswdRow[]> {
  return (await rowsOf(root, '/etc/passwd')).map(([name = '', , uid, gid, , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
}

async function groups(root: string): Promise<GroupRow[]> {
  return (await rowsOf(root, '/etc/group')).map(([name = '', , gid, members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter(Boolean),
  }));
}

/** Throws internal, with runc's `unable to find user x: no matching entries in passwd file`. */
export async function resolveUser(
  root: string,
  user: string,
  groupAdd: readonly string[] = [],
): Promise<ResolvedUser> {
  const [userText = '', groupText = ''] = user.split(':');
  const [users, groupRows] = await Promise.all([passwd(root), groups(root)]);
  const wanted = userText === '' ? '0' : userText;
  // Digits are an id, even where a user has them for a name.
  const row = users.find((one) =>
    isNumber(wanted) ? one.uid === Number(wanted) : one.name === wanted,
  );
  if (!row && !isNumber(wanted))
    throw internal(`unable to find user ${wanted}: no matching entries in passwd file`);
  const uid = row?.uid ?? checkedId(wanted);
  const gid = groupText === '' ? (row?.gid ?? 0) : groupId(groupText, groupRows);
  const memberOf = row
    ? groupRows.filter((group) => group.members.includes(row.name)).map((group) => group.gid)
    : [];
  const supplementary = groupText === '' ? memberOf : [];
  const added = groupAdd.map((name) => groupId(name, groupRows, 'Unable'));
  return {
    uid,
    gid,
    additionalGids: [...new Set([gid, ...supplementary, ...added])],
    home: row?.home || '/',
  };
}

/** `word` begins the message: runc's library writes it with a capital for added groups. */
function groupId(name: string, rows: readonly GroupRow[], word = 'unable'): number {
  const row = rows.find((one) => one.name === name || (isNumber(name) && one.gid === Number(name)));
  if (row) return row.gid;
  if (isNumber(name)) return checkedId(name);
  throw internal(`${word} to find group ${name}: no matching entries in group file`);
}

function checkedId(text: string): number {
  const id = Number(text);
  if (id > MAX_ID) throw internal(`uids and gids must be in range 0-${MAX_ID}`);
  return id;
}
