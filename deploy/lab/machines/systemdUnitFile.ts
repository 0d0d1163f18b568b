import type { LabUnit } from './machines.contract.ts';

/** Open files that a database asks for; a container's own limit may be lower. */
const openFilesMax = 64_000;

/** The text of a unit file. Not restarted by itself, as the units of the lab's other kind of machines are not. */
export function unitFileText({ name, kind, command, environment, stopWaitSeconds, cleanExitStatuses }: LabUnit): string {
  return [
    '[Unit]',
    `Description=${name} (lab)`,
    'After=network.target',
    '',
    '[Service]',
    `Type=${kind === 'oneshot' ? 'oneshot' : 'exec'}`,
    `ExecStart=${command.map(quoted).join(' ')}`,
    ...Object.entries(environment).map(([key, value]) => `Environment=${quotedSetting(`${key}=${value}`)}`),
    `TimeoutStopSec=${stopWaitSeconds}`,
    ...(cleanExitStatuses.length > 0 ? [`SuccessExitStatus=${cleanExitStatuses.join(' ')}`] : []),
    'Restart=no',
    'KillMode=mixed',
    `LimitNOFILE=${openFilesMax}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

/** A word of a command line: "$" begins a variable there and nowhere else. */
function quoted(word: string): string {
  return quotedSetting(word).replaceAll('$', '$$$$');
}

/** systemd undoes C escapes inside quotes and expands "%" specifiers everywhere. */
function quotedSetting(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('%', '%%');
  return `"${escaped}"`;
}
