import { X } from 'lucide-react';
import { useStore } from 'zustand';
import { dismissPull, isThrough, type Pull, pulls } from '../engine/pulls-store.ts';
import { formatBytes } from '../ui/format.ts';

/** Every pull, on every page, until dismissed. */
export function PullPanel() {
  const { list } = useStore(pulls);
  if (list.length === 0) return null;
  return (
    <aside className="pulls" aria-label="Pulls">
      {list.map((pull) => (
        <PullCard key={pull.key} pull={pull} />
      ))}
    </aside>
  );
}

function PullCard({ pull }: { readonly pull: Pull }) {
  const done = pull.layers.filter(({ status }) => isThrough(status)).length;
  return (
    <section className={`pull pull-${pull.state}`}>
      <header>
        <b className="clip">{pull.image}</b>
        {pull.state === 'running' ? (
          <button type="button" onClick={pull.cancel}>
            Cancel
          </button>
        ) : (
          <button
            type="button"
            className="icon"
            aria-label={`Dismiss ${pull.image}`}
            onClick={() => dismissPull(pull.key)}
          >
            <X size={15} aria-hidden />
          </button>
        )}
      </header>
      <p className={pull.state === 'failed' ? 'error-text' : 'muted'} role="status">
        {pull.state === 'running' && pull.layers.length > 0
          ? `${done} of ${pull.layers.length} layers`
          : pull.message}
      </p>
      {pull.state === 'running' &&
        pull.layers.map((layer) => {
          const part = isThrough(layer.status)
            ? 1
            : layer.total > 0
              ? layer.current / layer.total
              : 0;
          return (
            <div key={layer.id} className="layer">
              <code>{layer.id}</code>
              <progress value={part} max={1} aria-label={`Layer ${layer.id}: ${layer.status}`} />
              <span className="muted clip">
                {layer.status}
                {layer.total > 0 && !isThrough(layer.status)
                  ? ` ${formatBytes(layer.current)} / ${formatBytes(layer.total)}`
                  : ''}
              </span>
            </div>
          );
        })}
    </section>
  );
}
