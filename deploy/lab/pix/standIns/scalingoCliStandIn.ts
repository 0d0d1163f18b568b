// Stand-in for the CLI of Scalingo: answers as version 1.48.0 was recorded to answer, for `ps`, `scale` without and with an instruction, and `logs`.
// The application stands in a JSON file.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the platform knows of the application, and what the stand-in was asked. */
export interface ScalingoState {
  region: string;
  app: string;
  /** The token that it takes. */
  token: string;
  kinds: { name: string; amount: number; size: string; command: string; autoscaled?: boolean }[];
  /** So many further `ps` show containers that were just started as "starting". */
  starting: number;
  /** The platform is not reachable for so many calls. */
  unreachable: number;
  /** Arguments of every call, and what its home held before it. */
  calls: { args: string[]; home: string[] }[];
}

/** @param file the application as JSON (ScalingoState); changed by the call. */
export function answer(args: string[], file: string): void {
  const state = JSON.parse(readFileSync(file, 'utf8')) as ScalingoState;
  const home = process.env.HOME ?? '';
  state.calls.push({ args, home: existsSync(home) ? readdirSync(home) : ['absent'] });
  // As the real one does: the token stays in its folder.
  writeFileSync(join(home, 'auth'), process.env.SCALINGO_API_TOKEN ?? '', { mode: 0o600 });
  try {
    process.stdout.write(`${reply(state, args)}\n`);
  } catch (error) {
    const { heading, said } = error as Refused;
    process.stderr.write(` !     ${heading}\n`);
    if (said !== '') process.stdout.write(`${said.replace(/^/gm, '       ')}\n`);
    process.exitCode = 1;
  } finally {
    writeFileSync(file, JSON.stringify(state));
  }
}

class Refused extends Error {
  readonly heading: string;
  readonly said: string;
  constructor(heading: string, said = '') {
    super(heading);
    this.heading = heading;
    this.said = said;
  }
}

function reply(state: ScalingoState, [regionFlag, region, appFlag, app, command, ...rest]: string[]): string {
  if (regionFlag !== '--region' || appFlag !== '--app') throw new Refused('the stand-in wants --region and --app first');
  if (state.unreachable > 0) {
    state.unreachable -= 1;
    throw new Refused(
      'An error occurred:',
      'fail to list: Post "https://auth/v1/tokens/exchange": dial tcp 127.0.0.1:9: connect: connection refused',
    );
  }
  if (process.env.SCALINGO_API_TOKEN !== state.token)
    throw new Refused('Failed to read credentials for current user: user unauthenticated');
  if (region !== state.region) throw new Refused('An error occurred:', `invalid region ${region}`);
  if (app !== state.app) throw new Refused(`The application was not found on the region ${region}.`);
  switch (command) {
    case 'ps':
      return `-----> Hello robot, nice to see you!\n${containers(state)}`;
    case 'logs':
      return '2026-11-21 05:10:00 +0000 UTC [background-1] (stand-in) still at work';
    case 'scale':
      return rest.length === 0 ? formation(state) : scale(state, rest.filter((each) => each !== '--synchronous')[0] ?? '');
    default:
      throw new Refused('An error occurred:', `the stand-in knows no ${command}`);
  }
}

function containers(state: ScalingoState): string {
  const starting = state.starting > 0;
  if (starting) state.starting -= 1;
  return table(
    ['NAME', 'STATUS', 'COMMAND', 'SIZE', 'CREATED AT'],
    state.kinds.flatMap(({ name, amount, command, size }) =>
      Array.from({ length: amount }, (_, index) => [
        ...[`${name}-${index + 1}`, starting ? 'starting' : 'running', command, size, '2026/11/21 05:10:00'],
      ]),
    ),
  );
}

function formation({ kinds }: ScalingoState): string {
  const rows = kinds.map(({ name, amount, size, command, autoscaled }) => [
    ...[autoscaled ? `${name} (*)` : name, String(amount), size, command === '' ? '-' : `\`${command}\``],
  ]);
  const stars = kinds.some(({ autoscaled }) => autoscaled) ? '\n  (*) has an autoscaler defined' : '';
  return `${table(['NAME', 'AMOUNT', 'SIZE', 'COMMAND'], rows)}${stars}`;
}

function scale({ kinds }: ScalingoState, instruction: string): string {
  const [name, amount = '', size] = instruction.split(':');
  const kind = kinds.find((each) => each.name === name);
  if (!kind) throw new Refused('An error occurred:', '* app → container type not found');
  if (kind.autoscaled) throw new Refused('An error occurred:', "You didn't confirm, aborting…");
  if (kind.amount === Number(amount) && (size === undefined || size === kind.size))
    throw new Refused('An error occurred:', '* app → is already scaled this way, no change');
  kind.amount = Number(amount);
  kind.size = size ?? kind.size;
  const lines = kinds.map((each) => `  ${each.name}: ${each.amount} - ${each.size}`);
  return ['Your application is being scaled to:', ...lines, 'Done in 0.000 seconds', 'Your application has been scaled.'].join('\n');
}

function table(heading: string[], rows: string[][]): string {
  const widths = heading.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)) + 2);
  const border = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
  const line = (cells: string[]): string => `│${cells.map((cell, column) => ` ${cell}`.padEnd(widths[column] ?? 0)).join('│')}│`;
  const body = rows.length > 0 ? [border('├', '┼', '┤'), ...rows.map(line)] : [];
  return [border('┌', '┬', '┐'), line(heading), ...body, border('└', '┴', '┘')].join('\n');
}
