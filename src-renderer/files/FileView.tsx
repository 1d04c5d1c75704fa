import { ArrowLeft, Download } from 'lucide-react';
import { useCallback, useState } from 'react';
import { formatBytes } from '../ui/format.ts';
import { PageProblem } from '../ui/PageProblem.tsx';
import { saveStream } from '../ui/save-stream.ts';
import { showToast, tellFailure } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import type { ContainerFiles } from './container-files.ts';
import { modeText } from './file-columns.tsx';

interface FileViewProps {
  readonly files: ContainerFiles;
  readonly path: string;
  readonly onClose: () => void;
}

/** One file: its text, to be read and changed, or why there is none. */
export function FileView({ files, path, onClose }: FileViewProps) {
  const ask = useCallback(() => files.read(path), [files, path]);
  const { data, problem, reload } = useAnswer(ask);
  const [draft, setDraft] = useState<string>();
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isLink = data?.header.type === '2';
  const save = async (text: string): Promise<void> => {
    if (!data) return;
    await files.write(path, data.header, text);
    showToast('info', `${name} is saved`);
    setDraft(undefined);
    reload();
  };
  return (
    <div className="pane">
      <div className="tools">
        <button type="button" className="icon" aria-label="Back to the directory" onClick={onClose}>
          <ArrowLeft size={16} aria-hidden />
        </button>
        <code>{path}</code>
        {data && (
          <span className="muted">
            {formatBytes(data.header.size)} · {modeText(data.header.mode & 0o7777)} ·{' '}
            {data.header.uid}:{data.header.gid}
          </span>
        )}
        <div className="spacer" />
        <button
          type="button"
          onClick={() => tellFailure(saveStream(name, Promise.resolve(files.bytes(path))))}
        >
          <Download size={16} aria-hidden /> Download
        </button>
        {data?.text !== undefined && (
          <button
            type="button"
            className="primary"
            disabled={draft === undefined || draft === data.text}
            onClick={() => tellFailure(save(draft ?? ''))}
          >
            Save
          </button>
        )}
      </div>
      <PageProblem text={problem} />
      {!data && problem === undefined && (
        <div className="skeleton" role="status" aria-label="Loading" />
      )}
      {data?.text !== undefined && (
        <textarea
          className="file-text"
          aria-label={`Text of ${path}`}
          spellCheck={false}
          value={draft ?? data.text}
          onChange={(event) => setDraft(event.target.value)}
        />
      )}
      {data && data.text === undefined && (
        <div className="empty">
          <h2>{isLink ? `A link to ${data.header.linkTarget}` : 'Not shown here'}</h2>
          {!isLink && <p>It is no text, or longer than 1 MB. It can be downloaded.</p>}
        </div>
      )}
    </div>
  );
}
