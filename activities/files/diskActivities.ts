import { failure } from '../failure.ts';
import type { Host, OpenHost } from '../hosts/host.ts';
import { checkPath, checkPathBelow, runScript } from '../hosts/hostScript.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { DirectoryMeasure, DiskSpace, FileActivities } from './files.contract.ts';

const measureScript = `set -o pipefail
[ -d "$1" ] || { echo "$1 is no directory" >&2; exit 1; }
find "$1" -ignore_readdir_race -type f -printf '%s\\n' | awk '{ bytes += $1 } END { printf "%.0f %.0f\\n", bytes, NR }'`;

const spaceScript = `place=$1
while [ ! -e "$place" ]; do place=$(dirname -- "$place"); done
df --block-size=1 --output=avail,size -- "$place" | tail -n 1 && stat -c %d -- "$place"`;

const ensureScript = `mkdir -p -- "$1" && file=$(mktemp -- "$1/.nightshift-write.XXXXXX") && echo proof >"$file" && rm -f -- "$file"`;

const listScript = `[ -d "$1" ] || exit 0
find "$1" -mindepth 1 -maxdepth 1 -printf '%f\\0'`;

/** Also when a link below the folder leads out of it. */
const removeScript = `below=$(realpath -m -- "$1"); shift
for path in "$@"; do
  parent=$(realpath -m -- "$(dirname -- "$path")")
  case "$parent/" in "$below"/*) ;; *) echo "$path leads to $parent, out of $below" >&2; exit 46 ;; esac
done
rm -rf --one-file-system -- "$@"`;

export async function measure(host: Host, path: string): Promise<DirectoryMeasure> {
  const beganMs = performance.now();
  const work = () => runScript(host, measureScript, [path], { timeoutSeconds: 3600 });
  const { stdout } = await withHeartbeat(() => ({ path, elapsedSeconds: secondsSince(beganMs) }), work);
  const [sizeBytes = Number.NaN, files = Number.NaN] = stdout.trim().split(' ').map(Number);
  return { path, sizeBytes, files };
}

export async function readSpace(host: Host, path: string): Promise<DiskSpace> {
  const { stdout } = await runScript(host, spaceScript, [path]);
  const [freeBytes = '', totalBytes = '', device = ''] = stdout.trim().split(/\s+/);
  return { path, freeBytes: Number(freeBytes), totalBytes: Number(totalBytes), device };
}

type DiskActivities = Pick<FileActivities, 'measureDirectory' | 'readDiskSpace' | 'ensureDirectory' | 'listDirectory' | 'removePaths'>;

export function createDiskActivities({ openHost }: { openHost: OpenHost }): DiskActivities {
  return {
    async measureDirectory({ host, path }) {
      checkPath(path);
      return measure(await openHost(host), path);
    },

    async readDiskSpace({ host, path }) {
      checkPath(path);
      return readSpace(await openHost(host), path);
    },

    async ensureDirectory({ host, path }) {
      checkPath(path);
      await runScript(await openHost(host), ensureScript, [path]);
    },

    async listDirectory({ host, path }) {
      checkPath(path);
      const { stdout, truncated } = await runScript(await openHost(host), listScript, [path]);
      if (truncated)
        throw failure('CommandFailed', `${path} on ${host.name} has a list of names longer than 1 MiB`, { host: host.name, path });
      return stdout
        .split('\0')
        .filter((name) => name !== '')
        .sort();
    },

    async removePaths({ host: ref, below, paths }) {
      checkPath(below);
      if (below === '/') throw failure('InvalidInput', 'nothing is removed directly below /', { below });
      for (const path of paths) checkPathBelow(path, below);
      if (paths.length === 0) return;
      const host = await openHost(ref);
      const beganMs = performance.now();
      const work = () => runScript(host, removeScript, [below, ...paths], { timeoutSeconds: 3600, accept: [0, 46] });
      const { exitCode, stderrTail } = await withHeartbeat(() => ({ elapsedSeconds: secondsSince(beganMs) }), work);
      if (exitCode === 46) throw failure('InvalidInput', `on ${ref.name} ${stderrTail.trim()}`, { host: ref.name, below });
    },
  };
}
