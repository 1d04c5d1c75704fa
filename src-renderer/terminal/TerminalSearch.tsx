import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Found, TerminalView } from './terminal-view.ts';

interface TerminalSearchProps {
  readonly view: TerminalView;
  readonly onClose: () => void;
}

/** Search in what a terminal has shown. */
export function TerminalSearch({ view, onClose }: TerminalSearchProps) {
  const [text, setText] = useState('');
  const [isRegex, setIsRegex] = useState(false);
  const [found, setFound] = useState<Found>({ at: 0, of: 0 });
  useEffect(() => {
    view.onFound = setFound;
    return () => {
      view.onFound = () => undefined;
      view.endFind();
    };
  }, [view]);
  useEffect(() => {
    // What is typed so far may be no expression yet.
    try {
      view.find(text, 'before', { regex: isRegex, incremental: true });
    } catch {
      setFound({ at: 0, of: 0 });
    }
  }, [view, text, isRegex]);
  const go = (direction: 'next' | 'before'): void => view.find(text, direction, { regex: isRegex });
  return (
    <form
      className="terminal-search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        go('before');
      }}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <input
        type="search"
        aria-label="Search the terminal"
        placeholder="Search the terminal"
        // biome-ignore lint/a11y/noAutofocus: it was opened to type into
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={isRegex}
          onChange={(event) => setIsRegex(event.target.checked)}
        />
        Expression
      </label>
      <span className="muted" role="status">
        {text === '' ? '' : found.of === 0 ? 'Nothing found' : `${found.at} of ${found.of}`}
      </span>
      <button type="button" className="icon" aria-label="Match before" onClick={() => go('before')}>
        <ChevronUp size={16} aria-hidden />
      </button>
      <button type="button" className="icon" aria-label="Next match" onClick={() => go('next')}>
        <ChevronDown size={16} aria-hidden />
      </button>
      <button type="button" className="icon" aria-label="Close the search" onClick={onClose}>
        <X size={16} aria-hidden />
      </button>
    </form>
  );
}
