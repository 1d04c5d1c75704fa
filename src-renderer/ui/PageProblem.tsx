/** Why a page has nothing to show; nothing while there is no problem. */
export function PageProblem({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p className="empty" role="alert">
      {text}
    </p>
  );
}
