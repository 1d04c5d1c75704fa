import { useEffect, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
import { showToast } from '../ui/toasts.ts';

export function InspectTab({ id, state }: { readonly id: string; readonly state: string }) {
  const { engine } = useApp();
  const [text, setText] = useState('');
  const [search, setSearch] = useState('');
  useEffect(() => {
    let isCurrent = true;
    engine.get<object>(`/containers/${id}/json`).then(
      (answer) => isCurrent && setText(JSON.stringify(answer, null, 2)),
      (error: unknown) => showToast('error', errorMessage(error)),
    );
    return () => {
      isCurrent = false;
    };
    // A change of state changes the answer.
  }, [engine, id, state]);
  const lines = text.split('\n');
  const shown =
    search === ''
      ? lines
      : lines.filter((line) => line.toLowerCase().includes(search.toLowerCase()));
  return (
    <div className="pane">
      <div className="tools">
        <input
          type="search"
          placeholder="Search…"
          aria-label="Search the details"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="spacer" />
        <button
          type="button"
          onClick={() =>
            void navigator.clipboard.writeText(text).then(() => showToast('info', 'Copied'))
          }
        >
          Copy JSON
        </button>
      </div>
      <pre className="code" tabIndex={0} aria-label="Details as JSON">
        {shown.join('\n')}
      </pre>
    </div>
  );
}
