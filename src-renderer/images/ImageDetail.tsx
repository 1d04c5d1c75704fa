import { ArrowLeft, Copy, Download, Play, Tag, Upload, X } from 'lucide-react';
import { useCallback, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { ImageHistoryResponseItem, ImageInspect } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { splitReference, startPush } from '../engine/pulls-store.ts';
import { Facts } from '../ui/Facts.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { formatAge, formatBytes, shortId } from '../ui/format.ts';
import { PageProblem } from '../ui/PageProblem.tsx';
import { saveStream } from '../ui/save-stream.ts';
import { TextField } from '../ui/TextField.tsx';
import { showToast } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { CopyImage } from './CopyImage.tsx';

interface Both {
  readonly image: ImageInspect;
  readonly history: readonly ImageHistoryResponseItem[];
}

/** One image: its names, what each of its layers added, how it starts, who uses it. */
export function ImageDetail({ id }: { readonly id: string }) {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const images = useLive((state) => state.images);
  const containers = useLive((state) => state.containers);
  const [isTagging, setIsTagging] = useState(false);
  const [isCopying, setIsCopying] = useState(false);
  const ask = useCallback(
    async (one: EngineClient): Promise<Both> => {
      const [image, history] = await Promise.all([
        one.get<ImageInspect>(`/images/${id}/json`),
        one.get<ImageHistoryResponseItem[]>(`/images/${id}/history`),
      ]);
      return { image, history };
    },
    [id],
  );
  // Names come and go with the events of images.
  const { data, problem } = useAnswer(ask, images);
  const tags = data?.image.RepoTags ?? [];
  const users = (containers ?? []).filter(({ ImageID }) => ImageID === id);
  const tell = (error: unknown): void => showToast('error', errorMessage(error));
  const save = (): void => {
    const name = tags[0] ?? id;
    saveStream(
      `${name.replaceAll(/[^\w.-]+/g, '_')}.tar`,
      engine.bytes(`/images/${encodeURIComponent(name)}/get`),
    ).catch(tell);
  };
  const untag = (tag: string): void => {
    engine.json('DELETE', `/images/${encodeURIComponent(tag)}?noprune=1`).catch(tell);
  };
  return (
    <>
      <header className="bar one-line">
        <Link href="/images" className="button icon" aria-label="Back to the images">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <div className="two-lines">
          <h1>{tags[0] ?? shortId(id)}</h1>
          <span className="muted">
            {data &&
              `${formatBytes(data.image.Size ?? 0)} · ${data.image.Os}/${data.image.Architecture}`}{' '}
            · <code>{shortId(id)}</code>
          </span>
        </div>
        <div className="spacer" />
        <button type="button" onClick={save}>
          <Download size={16} aria-hidden /> Save
        </button>
        <button type="button" onClick={() => setIsCopying(true)}>
          <Copy size={16} aria-hidden /> Copy to a host
        </button>
        <button type="button" onClick={() => setIsTagging(true)}>
          <Tag size={16} aria-hidden /> Tag
        </button>
        <button
          type="button"
          className="primary"
          onClick={() => navigate(`/create?image=${encodeURIComponent(tags[0] ?? id)}`)}
        >
          <Play size={16} aria-hidden /> Create a container
        </button>
      </header>
      {isCopying && <CopyImage image={tags[0] ?? id} onClose={() => setIsCopying(false)} />}
      <PageProblem text={problem} />
      {data && (
        <div className="page">
          <h2>Names</h2>
          {tags.length === 0 && <p className="muted">It has no name.</p>}
          <ul className="plain">
            {tags.map((tag) => (
              <li key={tag} className="inline">
                <code>{tag}</code>
                <button
                  type="button"
                  className="icon"
                  aria-label={`Push ${tag}`}
                  title="Push to its registry"
                  // The panel shows how it goes and how it ends.
                  onClick={() => void startPush(engine, tag).catch(() => undefined)}
                >
                  <Upload size={16} aria-hidden />
                </button>
                {tags.length > 1 && (
                  <button
                    type="button"
                    className="icon"
                    aria-label={`Take the name ${tag} away`}
                    title="Take this name away"
                    onClick={() => untag(tag)}
                  >
                    <X size={16} aria-hidden />
                  </button>
                )}
              </li>
            ))}
          </ul>
          <h2>How it starts</h2>
          <ImageFacts image={data.image} />
          <h2>Used by</h2>
          {users.length === 0 && <p className="muted">No container uses it.</p>}
          <ul className="plain">
            {users.map(({ Id, Names, Status }) => (
              <li key={Id}>
                <Link href={`/containers/${Id}`}>{Names?.[0]?.slice(1)}</Link>{' '}
                <span className="muted">{Status}</span>
              </li>
            ))}
          </ul>
          <h2>What each layer added</h2>
          <Layers history={data.history} />
        </div>
      )}
      {isTagging && <TagDialog id={id} onClose={() => setIsTagging(false)} />}
    </>
  );
}

function ImageFacts({ image }: { readonly image: ImageInspect }) {
  const { Config: config } = image;
  const code = (list: readonly string[] | null | undefined, between: string) =>
    list && list.length > 0 && <code>{list.join(between)}</code>;
  return (
    <Facts
      rows={[
        ['Entrypoint', code(config?.Entrypoint, ' ')],
        ['Command', code(config?.Cmd, ' ')],
        ['User', config?.User],
        ['Directory', config?.WorkingDir],
        ['Ports', Object.keys(config?.ExposedPorts ?? {}).join(', ')],
        ['Volumes', Object.keys(config?.Volumes ?? {}).join(', ')],
        ['Environment', code(config?.Env, '\n')],
        ['Digests', (image.RepoDigests ?? []).join(', ')],
        ['Made', image.Created ? formatAge(Date.parse(image.Created) / 1000) : ''],
        ['Author', image.Author],
      ]}
    />
  );
}

/** Newest first, as `docker history`; a bar says how much of the image each is. */
function Layers({ history }: { readonly history: readonly ImageHistoryResponseItem[] }) {
  const largest = Math.max(1, ...history.map(({ Size }) => Size));
  return (
    <ol className="plain layers" aria-label="Layers">
      {history.map((layer, index) => (
        <li key={`${layer.Created}${layer.CreatedBy}${index}`}>
          <code className="clip" title={layer.CreatedBy}>
            {layer.CreatedBy.replace(/^\/bin\/sh -c (#\(nop\) +)?/, '') || layer.Comment || '–'}
          </code>
          <span className="track" aria-hidden>
            <span className="fill" style={{ width: `${(layer.Size / largest) * 100}%` }} />
          </span>
          <span className="number">{formatBytes(layer.Size)}</span>
        </li>
      ))}
    </ol>
  );
}

function TagDialog({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const { engine } = useApp();
  const [reference, setReference] = useState('');
  const send = (): Promise<void> => {
    const { name, tag } = splitReference(reference.trim());
    return engine.post(
      `/images/${id}/tag?repo=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`,
    );
  };
  return (
    <FormDialog
      title="Give it another name"
      action="Tag"
      isReady={reference.trim() !== ''}
      onSend={send}
      onClose={onClose}
    >
      <TextField
        label="Name"
        help="name, name:tag, or host:5000/name:tag to push it there."
        value={reference}
        onChange={setReference}
        autoFocus
      />
    </FormDialog>
  );
}
