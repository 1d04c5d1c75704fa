/** Worker thread of the links and the rules. One call at a time. */

import { serveCalls } from '../platform/worker-server.ts';
import type { LinkCalls } from './link-calls.ts';
import { linkOperations } from './link-operations.ts';

serveCalls<LinkCalls>(linkOperations);
