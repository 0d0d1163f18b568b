import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A small JSON document on the machine's disk that outlives the process; `first` is what it holds before the first write. */
export function stateFile<Value>(file: string, first: Value): { read(): Value; write(value: Value): void } {
  return {
    read() {
      try {
        return JSON.parse(readFileSync(file, 'utf8')) as Value;
      } catch {
        return first;
      }
    },
    write(value) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify(value));
      renameSync(`${file}.new`, file);
    },
  };
}
