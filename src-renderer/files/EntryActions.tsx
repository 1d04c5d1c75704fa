import { Download, Trash2 } from 'lucide-react';

interface EntryActionsProps {
  readonly name: string;
  readonly onDownload: () => void;
  readonly onRemove: () => void;
}

/** What can be done with one entry. */
export function EntryActions({ name, onDownload, onRemove }: EntryActionsProps) {
  const buttons = [
    ['Download', Download, onDownload],
    ['Delete', Trash2, onRemove],
  ] as const;
  return (
    <span className="row-actions">
      {buttons.map(([label, Icon, onClick]) => (
        <button
          key={label}
          type="button"
          className="icon"
          aria-label={`${label} ${name}`}
          title={label}
          onClick={(event) => {
            event.stopPropagation();
            onClick();
          }}
        >
          <Icon size={16} aria-hidden />
        </button>
      ))}
    </span>
  );
}
