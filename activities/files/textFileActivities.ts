import { failure } from '../failure.ts';
import type { Host, OpenHost } from '../hosts/host.ts';
import { checkPath, runScript } from '../hosts/hostScript.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { FileActivities } from './files.contract.ts';

const absent = 44;

const readFileScript = `[ -e "$1" ] || exit ${absent}
cat -- "$1"`;

const stateScript = `[ -e "$1" ] || exit ${absent}
stat -c %.3Y -- "$1" && head -n 1 -- "$1" | head -c 1000`;

const checksumScript = `[ -e "$1" ] || exit ${absent}
stat -c %s -- "$1" && sha256sum <"$1"`;

/** A connection that drops in the middle looks like the end of the input here: the number of bytes tells. `ln` is the atomic "only if absent". */
const writeScript = `set -e
file=$(mktemp -- "$1.XXXXXX.tmp")
trap 'rm -f -- "$file"' EXIT
cat >"$file"
[ "$(stat -c %s -- "$file")" = "$2" ] || { echo "the text arrived cut short" >&2; exit 1; }
chmod 0644 -- "$file"
sync -- "$file"
if [ "$3" = if-absent ]; then
  ln -T -- "$file" "$1" 2>/dev/null || { [ -e "$1" ] && { echo kept; exit 0; }; exit 1; }
else
  mv -fT -- "$file" "$1"
fi
sync -- "$(dirname -- "$1")"
echo written`;

export interface Checksum {
  sizeBytes: number;
  sha256: string;
}

/** Reads the whole file; undefined when it is absent. */
export async function readFileChecksum(host: Host, path: string): Promise<Checksum | undefined> {
  const beganMs = performance.now();
  const work = () => runScript(host, checksumScript, [path], { accept: [0, absent], timeoutSeconds: 24 * 3600 });
  const { exitCode, stdout } = await withHeartbeat(() => ({ path, elapsedSeconds: secondsSince(beganMs) }), work);
  if (exitCode === absent) return undefined;
  const [sizeBytes = '', sha256 = ''] = stdout.split(/\s+/);
  return { sizeBytes: Number(sizeBytes), sha256 };
}

type TextFileActivities = Pick<FileActivities, 'readTextFile' | 'readFileState' | 'readChecksum' | 'writeTextFile'>;

export function createTextFileActivities({ openHost }: { openHost: OpenHost }): TextFileActivities {
  return {
    async readTextFile({ host, path }) {
      checkPath(path);
      const { exitCode, stdout, truncated } = await runScript(await openHost(host), readFileScript, [path], { accept: [0, absent] });
      if (truncated) throw failure('InvalidInput', `${path} on ${host.name} is larger than 1 MiB`, { host: host.name, path });
      return exitCode === absent ? null : stdout;
    },

    async readFileState({ host, path }) {
      checkPath(path);
      const { exitCode, stdout } = await runScript(await openHost(host), stateScript, [path], { accept: [0, absent] });
      if (exitCode === absent) return null;
      const [seconds = '', firstLine = ''] = stdout.split('\n');
      return {
        changedAt: new Date(Math.round(Number(seconds.replace(',', '.')) * 1000)).toISOString(),
        firstLine: Array.from(firstLine).slice(0, 200).join(''),
      };
    },

    async readChecksum({ host, path }) {
      checkPath(path);
      const checksum = await readFileChecksum(await openHost(host), path);
      if (!checksum) throw failure('CommandFailed', `${path} on ${host.name} is absent`, { host: host.name, path });
      return checksum;
    },

    async writeTextFile({ host, path, text, ifAbsent }) {
      checkPath(path);
      const args = [path, String(Buffer.byteLength(text)), ifAbsent ? 'if-absent' : 'replace'];
      const { stdout } = await runScript(await openHost(host), writeScript, args, { input: text });
      return { written: stdout.trim() === 'written' };
    },
  };
}
