/**
 * The nodes of a devnet. With one validator the node that serves the API is it; with several each is a process of its
 * own, and the API is served by a node without key that follows them, as at an institution that only reads.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** More processes than that do not fit a machine with two cores. */
export const VALIDATORS_MAX = 7;

/** Institutions that run validators, in order. */
export const INSTITUTIONS = ['University', 'Dairy Board', 'Ministry', 'Farmers Union', 'Student Council', 'Campus Clinic', 'Auditor'] as const;

/** What of the devnet's paths the nodes need. */
interface NodePaths {
  readonly root: string;
  readonly genesis: string;
  readonly node: { readonly keyDir: string; readonly dataDir: string };
}

export interface NodeFolder {
  readonly name: string;
  readonly keyDir: string;
  readonly dataDir: string;
}

/** Names of the keys of n validators. */
export function validatorNames(count: number): readonly string[] {
  return count === 1 ? ['validator'] : Array.from({ length: count }, (_, i) => `validator-${i + 1}`);
}

/** All nodes, validators first; the last one serves the API. */
export function nodeFolders(paths: NodePaths, validators: number): readonly NodeFolder[] {
  const own = validators === 1 ? [] : validatorNames(validators).map((name) => ({ name, keyDir: join(paths.root, name, 'keys'), dataDir: join(paths.root, name, 'data') }));
  return [...own, { name: 'node', ...paths.node }];
}

/** Makes data folder, node key and sign guard of every node on the first start. `run`: interpreter, flags and entry of the node. */
export function initNodes(paths: NodePaths, validators: number, run: readonly string[]): void {
  const [command = '', ...entry] = run;
  for (const folder of nodeFolders(paths, validators)) {
    if (!existsSync(folder.dataDir)) execFileSync(command, [...entry, 'init', ...folderArgs(paths, folder)], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

export function folderArgs(paths: NodePaths, { keyDir, dataDir }: NodeFolder): readonly string[] {
  return ['--genesis', paths.genesis, '--data-dir', dataDir, '--key-dir', keyDir];
}

/** Flags by which each node knows the others; none where there is one. `ports` are those nodes listen on for each other. */
export function peerArgs(folders: readonly NodeFolder[], ports: readonly number[], index: number): readonly string[] {
  if (folders.length === 1) return [];
  const peers = folders.flatMap((folder, i) => (i === index ? [] : [`${nodeKeyOf(folder)}@127.0.0.1:${ports[i]}`]));
  return ['--listen', `127.0.0.1:${ports[index]}`, '--peers', peers.join(',')];
}

function nodeKeyOf({ keyDir }: NodeFolder): string {
  return (JSON.parse(readFileSync(join(keyDir, 'node-key.json'), 'utf8')) as { readonly publicKey: string }).publicKey;
}
