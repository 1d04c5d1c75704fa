import { joinPath } from './container-files.ts';

interface CrumbsProps {
  readonly path: string;
  readonly top: string;
  readonly onGo: (path: string) => void;
}

/** The path, each part a way back. */
export function Crumbs({ path, top, onGo }: CrumbsProps) {
  const parts = path.slice(top.length).split('/').filter(Boolean);
  const places = [
    { label: top, at: top },
    ...parts.map((label, index) => ({
      label,
      at: joinPath(top, parts.slice(0, index + 1).join('/')),
    })),
  ];
  return (
    <nav className="crumbs" aria-label="Directory">
      {places.map(({ label, at }, index) => (
        <span key={at}>
          {index > 1 && <span aria-hidden>/</span>}
          <button
            type="button"
            className="quiet"
            aria-current={at === path ? 'location' : undefined}
            onClick={() => onGo(at)}
          >
            {label}
          </button>
        </span>
      ))}
    </nav>
  );
}
