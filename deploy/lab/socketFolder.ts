import { tmpdir } from 'node:os';

/** The folder of temporary files, or /tmp where its path leaves too little of the 107 characters that the path of a UNIX socket may have. */
export function socketFolder(charactersMax: number): string {
  return tmpdir().length <= charactersMax ? tmpdir() : '/tmp';
}
