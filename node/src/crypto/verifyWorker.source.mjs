/**
 * Entry of the verify worker when the project runs from source: tsx registers itself on the main thread only
 * (Node 20), so a thread that is to load TypeScript does it for itself. Compiled code never loads this file.
 */
import { register } from 'tsx/esm/api';

register();

export const { verifyPacked } = await import('./verifyWorker.ts');
