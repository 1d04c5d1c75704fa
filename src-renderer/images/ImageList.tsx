import { Download, Play, Trash2, Upload } from 'lucide-react';
import { type FormEvent, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { ImageSummary } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import { startPull } from '../engine/pulls-store.ts';
import { Confirm } from '../ui/Confirm.tsx';
import { type Column, DataTable } from '../ui/DataTable.tsx';
import { formatAge, formatBytes, shortId } from '../ui/format.ts';
import { showToast } from '../ui/toasts.ts';

const nameOf = (image: ImageSummary): string => image.RepoTags?.[0] ?? '<none>';

export function ImageList() {
  const { engine } = useApp();
  const images = useLive((state) => state.images);
  const containers = useLive((state) => state.containers);
  const [reference, setReference] = useState('');
  const [doomed, setDoomed] = useState<ImageSummary>();
  const file = useRef<HTMLInputElement>(null);
  const [, navigate] = useLocation();
  const usersOf = ({ Id }: ImageSummary): number =>
    (containers ?? []).filter(({ ImageID }) => ImageID === Id).length;

  const pull = (event: FormEvent): void => {
    event.preventDefault();
    if (reference.trim() === '') return;
    // The panel shows how it goes and how it ends.
    startPull(engine, reference.trim()).catch(() => undefined);
    setReference('');
  };
  const load = async (archive: File): Promise<void> => {
    try {
      const text = await engine.upload('/images/load?quiet=1', archive);
      const loaded = /Loaded image[^"\\]*/.exec(text)?.[0];
      showToast(loaded ? 'info' : 'error', loaded ?? text);
    } catch (error) {
      showToast('error', `${archive.name}: ${errorMessage(error)}`);
    }
  };
  const remove = (image: ImageSummary): void => {
    engine
      .json('DELETE', `/images/${encodeURIComponent(image.RepoTags?.[0] ?? image.Id ?? '')}`)
      .catch((error: unknown) => showToast('error', errorMessage(error)));
  };
  return (
    <>
      <header className="bar">
        <h1>Images</h1>
        <form className="inline" onSubmit={pull}>
          <input
            placeholder="Pull: name, name:tag, host:5000/name"
            aria-label="Image to pull"
            value={reference}
            onChange={(event) => setReference(event.target.value)}
          />
          <button type="submit" className="primary" disabled={reference.trim() === ''}>
            <Download size={16} aria-hidden /> Pull
          </button>
        </form>
        <div className="spacer" />
        <input
          ref={file}
          type="file"
          hidden
          accept=".tar,.tgz,.gz"
          aria-label="Image archive"
          onChange={(event) => {
            const [archive] = event.target.files ?? [];
            if (archive) void load(archive);
            event.target.value = '';
          }}
        />
        <button type="button" onClick={() => file.current?.click()}>
          <Upload size={16} aria-hidden /> Load archive
        </button>
      </header>
      {images === undefined ? (
        <div className="skeleton" aria-label="Loading" />
      ) : images.length === 0 ? (
        <div className="empty">
          <h2>No images yet</h2>
          <p>
            Pull one above, or load an archive made with <code>docker save</code>.
          </p>
        </div>
      ) : (
        <DataTable
          label="Images"
          columns={[
            ...COLUMNS,
            {
              key: 'users',
              label: 'Used by',
              width: '120px',
              sortBy: usersOf,
              render: (image) => <Users count={usersOf(image)} />,
            },
            {
              key: 'actions',
              label: 'Actions',
              isLabelHidden: true,
              width: '80px',
              render: (image) => <Actions name={nameOf(image)} onRemove={() => setDoomed(image)} />,
            },
          ]}
          rows={images}
          keyOf={({ Id }) => Id}
          nameOf={nameOf}
          onOpen={({ Id }) => navigate(`/images/${Id}`)}
          onRemove={setDoomed}
        />
      )}
      {doomed && (
        <Confirm
          title={`Remove ${nameOf(doomed)}?`}
          action="Remove"
          onConfirm={() => remove(doomed)}
          onClose={() => setDoomed(undefined)}
        >
          <p>Layers that no other image uses are deleted from disk.</p>
        </Confirm>
      )}
    </>
  );
}

const COLUMNS: readonly Column<ImageSummary>[] = [
  {
    key: 'name',
    label: 'Name',
    width: 'minmax(180px, 2fr)',
    sortBy: nameOf,
    render: (image) => (
      <>
        <Link href={`/images/${image.Id}`} onClick={(event) => event.stopPropagation()}>
          <b>{nameOf(image)}</b>
        </Link>
        {(image.RepoTags?.length ?? 0) > 1 && (
          <span className="muted"> +{(image.RepoTags?.length ?? 1) - 1}</span>
        )}
      </>
    ),
  },
  {
    key: 'id',
    label: 'Id',
    width: '120px',
    render: ({ Id }) => <code className="muted">{shortId(Id)}</code>,
  },
  {
    key: 'created',
    label: 'Created',
    width: '130px',
    sortBy: ({ Created }) => Created,
    render: ({ Created }) => formatAge(Created),
  },
  {
    key: 'size',
    label: 'Size',
    width: '100px',
    sortBy: ({ Size }) => Size,
    render: ({ Size }) => formatBytes(Size),
  },
];

function Users({ count }: { readonly count: number }) {
  if (count === 0) return <span className="muted">–</span>;
  return `${count} container${count === 1 ? '' : 's'}`;
}

interface ActionsProps {
  readonly name: string;
  readonly onRemove: () => void;
}

function Actions({ name, onRemove }: ActionsProps) {
  const [, navigate] = useLocation();
  return (
    <span className="row-actions" onClick={(event) => event.stopPropagation()}>
      <button
        type="button"
        className="icon"
        aria-label={`Create a container from ${name}`}
        title="Create a container"
        onClick={() => navigate(`/create?image=${encodeURIComponent(name)}`)}
      >
        <Play size={16} aria-hidden />
      </button>
      <button
        type="button"
        className="icon"
        aria-label={`Remove ${name}`}
        title="Remove"
        onClick={onRemove}
      >
        <Trash2 size={16} aria-hidden />
      </button>
    </span>
  );
}
