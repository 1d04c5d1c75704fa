/** Headers as an authorization plugin is shown them. */

const SECRET_HEADERS = ['authorization', 'x-registry-config', 'x-registry-auth'];

/** As Go writes their names; without secrets. */
export function shownHeaders(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      if (value === undefined || SECRET_HEADERS.includes(name.toLowerCase())) return [];
      const shown = name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => {
        return `${dash}${letter.toUpperCase()}`;
      });
      return [[shown, Array.isArray(value) ? String(value.at(-1)) : String(value)]];
    }),
  );
}
