/** `WWW-Authenticate` as registries send it (RFC 7235, RFC 6750). */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const PARAMETER = /^[\s,]*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))/;
const SCHEME = /^[\s,]*([\w-]+)(?=\s|$)(?!\s*=)/;

/** Every challenge of the header, in order. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const line of typeof header === 'string' ? [header] : (header ?? [])) {
    let rest = line;
    while (rest.trim() !== '') {
      const scheme = SCHEME.exec(rest);
      const parameter = scheme ? null : PARAMETER.exec(rest);
      const match = scheme ?? parameter;
      if (match === null) break;
      rest = rest.slice(match[0].length);
      const name = (match[1] ?? '').toLowerCase();
      if (scheme) challenges.push({ scheme: name, parameters: {} });
      else {
        const last = challenges.at(-1);
        if (last) last.parameters[name] = match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
      }
    }
  }
  return challenges;
}
