/** What a list of files shows of each. */
import { File, FileSymlink, Folder } from 'lucide-react';
import type { DirectoryEntry } from '../../shared/engine/windlass-api.ts';
import type { Column } from '../ui/DataTable.tsx';
import { formatAge, formatBytes } from '../ui/format.ts';

const KINDS: Readonly<Record<number, string>> = {
  0o040000: 'd',
  0o120000: 'l',
  0o020000: 'c',
  0o060000: 'b',
  0o010000: 'p',
  0o140000: 's',
};
const LETTERS = 'rwxrwxrwx';

/** As `ls -l` has it. */
export function modeText(mode: number): string {
  const rights = LETTERS.split('').map((letter, at) => (mode & (0o400 >> at) ? letter : '-'));
  const special = (bit: number, at: number, letter: string): void => {
    if (mode & bit) rights[at] = rights[at] === 'x' ? letter : letter.toUpperCase();
  };
  special(0o4000, 2, 's');
  special(0o2000, 5, 's');
  special(0o1000, 8, 't');
  return `${KINDS[mode & 0o170000] ?? '-'}${rights.join('')}`;
}

export const FILE_COLUMNS: readonly Column<DirectoryEntry>[] = [
  {
    key: 'name',
    label: 'Name',
    width: 'minmax(200px, 1fr)',
    sortBy: ({ name }) => name,
    render: ({ name, isDirectory, linkTarget }) => {
      const Icon = linkTarget !== undefined ? FileSymlink : isDirectory ? Folder : File;
      return (
        <span className="file-name">
          <Icon size={16} aria-hidden /> {name}
          {linkTarget !== undefined && <span className="muted">→ {linkTarget}</span>}
        </span>
      );
    },
  },
  {
    key: 'size',
    label: 'Size',
    width: '90px',
    isNumber: true,
    sortBy: ({ size }) => size,
    render: ({ size, isDirectory }) => (isDirectory ? '' : formatBytes(size)),
  },
  {
    key: 'mode',
    label: 'Rights',
    width: '110px',
    render: ({ mode }) => <code>{modeText(mode)}</code>,
  },
  {
    key: 'owner',
    label: 'Owner',
    width: '80px',
    sortBy: ({ uid }) => uid,
    render: ({ uid, gid }) => `${uid}:${gid}`,
  },
  {
    key: 'modified',
    label: 'Changed',
    width: '130px',
    sortBy: ({ modifiedMs }) => modifiedMs,
    render: ({ modifiedMs }) => formatAge(modifiedMs / 1000),
  },
];
