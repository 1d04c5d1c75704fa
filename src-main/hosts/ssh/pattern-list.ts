/** Pattern lists of ssh_config(5) PATTERNS and sshd(8) known_hosts: comma separated, `*`, `?`, `!` negates. */

const toExpression = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  );

/** Whether one pattern matches and no negated one does. */
export function matchesPatternList(list: string, text: string): boolean {
  let isMatched = false;
  for (const pattern of list.split(',')) {
    const isNegated = pattern.startsWith('!');
    if (!toExpression(isNegated ? pattern.slice(1) : pattern).test(text)) continue;
    if (isNegated) return false;
    isMatched = true;
  }
  return isMatched;
}
