/** Headless entry. The daemon is loaded only when what V8 made of it at an earlier start can be found. */
import { keepCompiledCode } from './compile-cache.ts';

keepCompiledCode();
await import('./headless.ts');
