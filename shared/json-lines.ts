/** Takes JSON values out of a stream of lines that is cut anywhere (events, pull progress, stats). */
export class JsonLineParser<T> {
  readonly #decoder = new TextDecoder();
  #held = '';

  /** Values whose line is complete with this chunk. Throws on a line that is no JSON. */
  push(chunk: Uint8Array): T[] {
    const lines = (this.#held + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#held = lines.pop() ?? '';
    return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as T);
  }

  /** What is left at the end of the stream. */
  finish(): T[] {
    const rest = this.#held.trim();
    this.#held = '';
    return rest === '' ? [] : [JSON.parse(rest) as T];
  }
}
