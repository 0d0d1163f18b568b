import { failure } from '../failure.ts';
import type { CommandResult, Host } from '../hosts/host.ts';
import { endOf, showControlCharacters } from '../tools/redact.ts';
import { readSystemdProperties, systemdProperties } from './systemdProperties.ts';
import type { UnitManager } from './unitManager.ts';

const commandLimitSeconds = 30;
const unavailable =
  /not been booted with systemd|Failed to connect to (system )?(bus|scope)|Connection (refused|timed out)|Transport endpoint/i;
const unknown = /not loaded|not found|could not be found|does not exist/i;

export function createSystemdManager({
  host,
  unit,
  sudo,
  signal,
}: {
  host: Host;
  unit: string;
  sudo: boolean;
  signal: AbortSignal;
}): UnitManager {
  const prefix = sudo ? ['sudo', '-n'] : [];
  const options = { signal, timeoutSeconds: commandLimitSeconds };

  const ask = async (command: readonly string[]): Promise<CommandResult> => {
    const result = await host.run(command, { ...options, accept: [0, 1, 4, 5] });
    if (result.exitCode === 0) return result;
    const said = endOf(showControlCharacters(result.stderrTail), 500);
    if (unavailable.test(said)) throw failure('ServiceManagerUnavailable', `systemd on ${host.ref.name}: ${said}`, { host: host.ref.name });
    if (result.exitCode >= 4 || unknown.test(said))
      throw failure('UnknownUnit', `unit ${unit} on ${host.ref.name}: ${said}`, { host: host.ref.name, unit });
    throw failure('CommandFailed', `${command.join(' ')} on ${host.ref.name} ended with exit code ${result.exitCode}: ${said}`, {
      host: host.ref.name,
      unit,
    });
  };
  // Without --no-block systemctl waits without a word for as long as the unit takes; the caller polls and heartbeats instead.
  const enqueue = (verb: 'start' | 'stop'): Promise<CommandResult> => ask([...prefix, 'systemctl', verb, '--no-block', '--', unit]);

  const manager: UnitManager = {
    async read() {
      // The time zone of the answer is ours to choose; options for other forms of time differ between versions.
      const { stdout } = await ask([
        'env',
        'TZ=UTC',
        'LC_ALL=C',
        'systemctl',
        'show',
        `--property=${systemdProperties.join(',')}`,
        '--',
        unit,
      ]);
      const reading = readSystemdProperties(stdout);
      if (reading === 'unknown')
        throw failure('UnknownUnit', `systemd on ${host.ref.name} knows no unit ${unit}`, { host: host.ref.name, unit });
      return reading;
    },
    async stop() {
      await enqueue('stop');
    },
    async start() {
      // A unit that failed often enough is refused ("start request repeated too quickly") until it is reset.
      if ((await manager.read()).condition === 'failed') await ask([...prefix, 'systemctl', 'reset-failed', '--', unit]);
      await enqueue('start');
    },
    trigger: () => manager.start(0),
    async lastWords() {
      try {
        // The journal is written in its own time; where it may not be told to hurry, what is there is shown.
        await host.run([...prefix, 'journalctl', '--sync'], { ...options, accept: [0, 1] }).catch(() => undefined);
        const journal = await host.run([...prefix, 'journalctl', '-u', unit, '-n', '5', '--no-pager', '-o', 'cat', '-q'], {
          ...options,
          accept: [0, 1],
        });
        return endOf(showControlCharacters(journal.stdout), 800);
      } catch (error) {
        if (signal.aborted) throw error;
        return '';
      }
    },
  };
  return manager;
}
