/** Worker thread of the links and the rules. One call at a time. */
import type { LinkCalls } from './link-calls.ts';
import { linkOperations } from './link-operations.ts';
import { serveCalls } from './worker-server.ts';

serveCalls<LinkCalls>(linkOperations);
