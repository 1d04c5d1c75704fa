/** What a stream of a container's output is called in the answer's head. */
import type { ApiRequest } from './request.ts';

/** Content type of a hijacked stream: named apart for framed output since API 1.42. */
export function streamType(request: ApiRequest, isTty: boolean): string {
  const isFramed = !isTty && request.isAtLeast(42);
  return `application/vnd.docker.${isFramed ? 'multiplexed' : 'raw'}-stream`;
}
