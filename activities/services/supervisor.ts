import { readFileSync } from 'node:fs';

import { failure } from '../failure.ts';
import type { Host, RunOptions } from '../hosts/host.ts';
import type { ServiceManager } from '../hosts/hosts.contract.ts';
import { endOf, showControlCharacters } from '../tools/redact.ts';
import { readProgramInfo, readSupervisorStatus } from './supervisorStatus.ts';
import type { Told, UnitManager } from './unitManager.ts';

const commandLimitSeconds = 30;
const statusScript = '"$1" -c "$2" status "$3"; code=$?; date +now=%s; exit "$code"';
/**
 * supervisorctl tells no exit status, and an order and a look are two of its runs: its own library does both in one, with the
 * interpreter beside supervisorctl, or the one that runs supervisord. 97: no interpreter has the library.
 */
const programInfoScript = `ctl=$1 library=$2
shift 2
beside=$(dirname -- "$(readlink -f -- "$(command -v -- "$ctl")")")/python3
for python in "$beside" python3; do
  command -v "$python" >/dev/null || continue
  "$python" -c "$library" "$@"
  code=$?
  [ "$code" = 97 ] || exit "$code"
done
daemon=$("$ctl" -c "$1" pid)
running=$(tr '\\0' '\\n' 2>/dev/null <"/proc/$daemon/cmdline" | head -n 1)
[ -z "$running" ] || exec "$running" -c "$library" "$@"
exit 97`;
const programInfoPython = readFileSync(new URL('./programInfo.py', import.meta.url), 'utf8');

interface SupervisorUnit {
  host: Host;
  unit: string;
  manager: Extract<ServiceManager, { kind: 'supervisor' }>;
  signal: AbortSignal;
}

export function createSupervisorManager({ host, unit, manager: { command, configFile }, signal }: SupervisorUnit): UnitManager {
  // Elsewhere the same unit may be managed by systemd, under its full name.
  const program = unit.replace(/\.service$/, '');
  const place = `${program} on ${host.ref.name}`;
  const options: RunOptions = { signal, timeoutSeconds: commandLimitSeconds };

  const askLibrary = async (order: ('start' | 'startWithoutWaiting' | 'stop')[], timeoutSeconds: number): Promise<Told | undefined> => {
    const asked = await host.run(['sh', '-c', programInfoScript, 'nightshift', command, programInfoPython, configFile, program, ...order], {
      signal,
      timeoutSeconds,
      accept: [0, 1, 97, 126, 127],
    });
    return asked.exitCode === 0 ? readProgramInfo(asked.stdout) : undefined;
  };

  // Exit codes mean little: the start of a program that runs already prints an error and gives 0. The state afterwards is what counts.
  const order = async (verb: 'start' | 'stop', timeoutSeconds: number): Promise<void> => {
    const { stdout, stderrTail } = await host.run([command, '-c', configFile, verb, program], {
      signal,
      timeoutSeconds,
      accept: [0, 1, 2, 3, 4, 5, 6, 7],
    });
    throwIfUnavailable(host.ref.name, place, `${stdout}\n${stderrTail}`);
  };

  return {
    async read() {
      const { stdout, stderrTail } = await host.run(['sh', '-c', statusScript, 'nightshift', command, configFile, program], {
        ...options,
        accept: [0, 1, 2, 3, 4],
      });
      throwIfUnavailable(host.ref.name, place, `${stdout}\n${stderrTail}`);
      const reading = readSupervisorStatus(stdout);
      if (!reading)
        throw failure(
          'CommandFailed',
          `supervisorctl status of ${place}: ${endOf(showControlCharacters(`${stdout}\n${stderrTail}`), 500)}`,
          { unit: program },
        );
      return reading.ended ? ((await askLibrary([], commandLimitSeconds))?.reading ?? reading.state) : reading.state;
    },
    lookAndOrder: (verb, limitSeconds) => askLibrary([verb], limitSeconds),
    // Both wait on the host: stop until the process is gone, start for the program's startsecs.
    stop: (limitSeconds) => order('stop', limitSeconds),
    start: (limitSeconds) => order('start', limitSeconds),
    trigger: () => order('start', commandLimitSeconds),
    async lastWords() {
      try {
        const tails = [];
        for (const stream of ['stdout', 'stderr']) {
          const { exitCode, stdout } = await host.run([command, '-c', configFile, 'tail', '-600', program, stream], {
            ...options,
            accept: [0, 1, 2],
          });
          if (exitCode === 0) tails.push(stdout);
        }
        return endOf(showControlCharacters(tails.join('\n')), 800);
      } catch (error) {
        if (signal.aborted) throw error;
        return '';
      }
    },
  };
}

function throwIfUnavailable(hostName: string, place: string, said: string): void {
  if (/\(no such (process|group)\)/.test(said)) throw failure('UnknownUnit', `supervisord knows no program ${place}`, { host: hostName });
  const trouble = /^(?:\S+ (?:no such file|refused connection)|.*SHUTDOWN_STATE.*|.*socket\.timeout.*)$/m.exec(said);
  if (trouble) throw failure('ServiceManagerUnavailable', `supervisord on ${hostName}: ${trouble[0]}`, { host: hostName });
}
