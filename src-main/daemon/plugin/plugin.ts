/** What plugins of every kind have in common. */

/** A plugin that has said what it is. */
export interface Plugin {
  readonly name: string;
  readonly capabilities: readonly string[];
  /**
   * Calls `POST /<method>` with a JSON body and answers the parsed JSON. Throws internal: `METHOD: words`
   * for a failing status, and what kept it from being reached otherwise.
   */
  call(method: string, body?: unknown, options?: { readonly timeoutMs?: number }): Promise<unknown>;
}
