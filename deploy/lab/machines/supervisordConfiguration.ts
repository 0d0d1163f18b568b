import type { LabUnit } from './machines.contract.ts';

export interface SupervisordPlaces {
  socket: string;
  logDirectory: string;
  pidFile: string;
  /** Directory in which programs begin. */
  directory: string;
  machine: string;
}

/** The text of supervisord.conf for one machine: every unit known, none started by itself, none restarted by itself. */
export function supervisordConfiguration(places: SupervisordPlaces, units: LabUnit[]): string {
  return [
    section('unix_http_server', { file: places.socket, chmod: '0700' }),
    section('supervisord', {
      logfile: `${places.logDirectory}/supervisord.log`,
      pidfile: places.pidFile,
      childlogdir: places.logDirectory,
      identifier: places.machine,
      directory: places.directory,
      nocleanup: 'true',
    }),
    section('rpcinterface:supervisor', { 'supervisor.rpcinterface_factory': 'supervisor.rpcinterface:make_main_rpcinterface' }),
    section('supervisorctl', { serverurl: `unix://${places.socket}` }),
    ...units.map((unit) =>
      section(`program:${unit.name}`, {
        command: unit.command.map(shellWord).join(' '),
        directory: places.directory,
        ...(Object.keys(unit.environment).length > 0 ? { environment: environmentText(unit.environment) } : {}),
        autostart: 'false',
        autorestart: 'false',
        // A service must live for a second to count as started; a oneshot may be over at once.
        startsecs: unit.kind === 'oneshot' ? '0' : '1',
        startretries: '0',
        exitcodes: [0, ...unit.cleanExitStatuses].join(','),
        stopsignal: 'TERM',
        stopwaitsecs: String(unit.stopWaitSeconds),
        stopasgroup: 'true',
        killasgroup: 'true',
        redirect_stderr: 'true',
        stdout_logfile: `${places.logDirectory}/${unit.name}.log`,
        stdout_logfile_maxbytes: '10MB',
        stdout_logfile_backups: '1',
      }),
    ),
  ].join('\n');
}

function section(name: string, values: Record<string, string>): string {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${escape(value)}`);
  return `[${name}]\n${lines.join('\n')}\n`;
}

/** Supervisor expands %(name)s, reads " ;" as a comment, and ends a value at a line's end. */
function escape(value: string): string {
  if (/[\n\r]| ;/.test(value)) throw new Error(`supervisord.conf cannot hold the value ${JSON.stringify(value)}`);
  return value.replaceAll('%', '%%');
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** Supervisor's own reader knows no escapes: a value may hold one kind of quotes. */
function environmentText(environment: Record<string, string>): string {
  return Object.entries(environment)
    .map(([key, value]) => {
      if (value.includes('"') && value.includes("'"))
        throw new Error(`supervisord.conf cannot hold ${key}, which has both kinds of quotes`);
      const quote = value.includes('"') ? "'" : '"';
      return `${key}=${quote}${value}${quote}`;
    })
    .join(',');
}
