import { ArrowUp, FolderPlus, RotateCw } from 'lucide-react';
import { useCallback, useMemo, useState } from 'react';
import { useApp } from '../app/context.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { DataTable } from '../ui/DataTable.tsx';
import { ListStates } from '../ui/ListStates.tsx';
import { tellFailure } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { Crumbs } from './Crumbs.tsx';
import { ContainerFiles, joinPath, type Listing, parentOf } from './container-files.ts';
import { EntryActions } from './EntryActions.tsx';
import { FileDrop } from './FileDrop.tsx';
import { FileView } from './FileView.tsx';
import { FILE_COLUMNS } from './file-columns.tsx';
import { NewFolder } from './NewFolder.tsx';
import { download, uploadAll } from './transfers.ts';
import { UploadButton } from './UploadButton.tsx';

interface FileBrowserProps {
  readonly id: string;
  /** Where it begins, and above which it does not go. */
  readonly top?: string;
}

/** The files of a container, running or not: look, change, bring in and take out. */
export function FileBrowser({ id, top = '/' }: FileBrowserProps) {
  const { engine } = useApp();
  const files = useMemo(() => new ContainerFiles(engine, id), [engine, id]);
  const [path, setPath] = useState(top);
  const [search, setSearch] = useState('');
  const [opened, setOpened] = useState<string>();
  const [doomed, setDoomed] = useState<string>();
  const [isNaming, setIsNaming] = useState(false);
  const ask = useCallback(async () => ({ path, ...(await files.list(path)) }), [files, path]);
  const { data, problem, reload } = useAnswer(ask);
  const rows = useMemo(() => {
    // What was listed before is another directory's.
    if (problem !== undefined || data?.path !== path) return undefined;
    return data.entries
      .filter(({ name }) => name.includes(search))
      .toSorted((a, b) => Number(b.isDirectory) - Number(a.isDirectory));
  }, [data, path, search, problem]);
  const go = (next: string): void => {
    setSearch('');
    setPath(next);
  };
  const upload = (chosen: readonly File[]): void => {
    void uploadAll(files, path, chosen).then(reload);
  };
  if (opened !== undefined)
    return (
      <FileView
        files={files}
        path={opened}
        onClose={() => {
          setOpened(undefined);
          reload();
        }}
      />
    );
  return (
    <FileDrop onFiles={upload}>
      <div className="tools">
        <button
          type="button"
          className="icon"
          aria-label="Up"
          title="Up"
          disabled={path === top}
          onClick={() => go(parentOf(path))}
        >
          <ArrowUp size={16} aria-hidden />
        </button>
        <Crumbs path={path} top={top} onGo={go} />
        <div className="spacer" />
        <input
          type="search"
          placeholder="Search here…"
          aria-label="Search this directory"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <button type="button" onClick={() => setIsNaming(true)}>
          <FolderPlus size={16} aria-hidden /> New folder
        </button>
        <UploadButton onFiles={upload} />
        <button type="button" className="icon" aria-label="Look again" onClick={reload}>
          <RotateCw size={16} aria-hidden />
        </button>
      </div>
      {rows && data && <Shortened listing={data} />}
      <ListStates
        rows={rows}
        total={data?.entries.length ?? 0}
        problem={problem}
        empty={<p>This directory is empty. Drop files here to bring them in.</p>}
      >
        <DataTable
          label="Files"
          columns={[
            ...FILE_COLUMNS,
            {
              key: 'actions',
              label: 'Actions',
              isLabelHidden: true,
              width: '80px',
              render: (entry) => (
                <EntryActions
                  name={entry.name}
                  onDownload={() => download(files, path, entry)}
                  onRemove={() => setDoomed(joinPath(path, entry.name))}
                />
              ),
            },
          ]}
          rows={rows ?? []}
          keyOf={({ name }) => name}
          nameOf={({ name, isDirectory }) => `${name}, ${isDirectory ? 'folder' : 'file'}`}
          onOpen={({ name, isDirectory }) =>
            isDirectory ? go(joinPath(path, name)) : setOpened(joinPath(path, name))
          }
          onRemove={({ name }) => setDoomed(joinPath(path, name))}
        />
      </ListStates>
      {isNaming && (
        <NewFolder
          onMake={async (name) => {
            await files.makeDirectory(path, name);
            reload();
          }}
          onClose={() => setIsNaming(false)}
        />
      )}
      {doomed !== undefined && (
        <Confirm
          title={`Delete ${doomed}?`}
          action="Delete"
          onConfirm={() => tellFailure(files.remove(doomed).then(reload))}
          onClose={() => setDoomed(undefined)}
        >
          <p>With all that is in it. There is no way back.</p>
        </Confirm>
      )}
    </FileDrop>
  );
}

/** Says that a listing is not all there is, and why. */
function Shortened({ listing }: { readonly listing: Listing }) {
  const { entries, total, isWhole } = listing;
  if (isWhole) return null;
  return (
    <p className="warning" role="status">
      {total > entries.length
        ? `There are ${total.toLocaleString()} entries; the first ${entries.length.toLocaleString()} are shown.`
        : 'There may be more: this engine can list a directory only by sending all that is in it.'}
    </p>
  );
}
