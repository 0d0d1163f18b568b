// `npm run lab -- up`: the all-in-one VITAM platform on this computer. See `--help`.
import { join } from 'node:path';

import { Command, InvalidArgumentError, Option } from 'commander';

import { createLab } from './createLab.ts';
import type { Lab } from './lab.contract.ts';
import type { StandInKnobs } from './standIns/standIn.contract.ts';

const knobNames = [
  'refuseStop',
  'stopSeconds',
  'exitStatus',
  'startSeconds',
  'dieAfterStart',
  'statusCode',
  'answerSeconds',
  'securisationSeconds',
  'securisationOutcome',
  'lifecycleSeconds',
  'runningJobs',
] as const satisfies (keyof StandInKnobs)[];

const defaultDirectory = join(import.meta.dirname, '..', '..', '..', '.nightshift', 'lab');
const directoryOption = new Option('--directory <directory>', 'where the lab lies').default(defaultDirectory, '.nightshift/lab');

function megabytes(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number of megabytes above 0');
  return value;
}

/** "refuseStop=true" or "startSeconds=5"; "refuseStop=" takes it away. */
function knob(text: string, before: Record<string, unknown> = {}): Record<string, unknown> {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (!(knobNames as readonly string[]).includes(name))
    throw new InvalidArgumentError(`name=value, where name is one of ${knobNames.join(', ')}`);
  const number = Number(value);
  const parsed =
    value === ''
      ? null
      : value === 'true'
        ? true
        : value === 'false'
          ? false
          : Number.isNaN(number)
            ? name === 'runningJobs'
              ? value.split(',')
              : value
            : number;
  return { ...before, [name]: parsed };
}

async function withLab(act: (lab: Lab) => Promise<void>, options: Parameters<typeof createLab>[0]): Promise<void> {
  const lab = await createLab(options);
  try {
    await act(lab);
  } finally {
    await lab.close();
  }
}

const say = (line: string): void => console.log(line);
const program = new Command('lab').description(
  'The all-in-one VITAM lab: real service managers, SSH and a real sharded MongoDB; the Java components are stand-ins.',
);

program
  .command('up')
  .description('bring everything up; the first time from nothing')
  .addOption(directoryOption)
  .option('--small', 'one member per replica set, four machines')
  .option('--megabytes-per-shard <number>', 'documents per shard, in megabytes (default 100)', megabytes)
  .addOption(new Option('--machines <kind>', 'without root, or with real systemd (root on Linux)').choices(['supervisor', 'systemd']))
  .action(
    async ({
      directory,
      small,
      megabytesPerShard,
      machines,
    }: {
      directory: string;
      small?: boolean;
      megabytesPerShard?: number;
      machines?: 'supervisor' | 'systemd';
    }) => {
      const options = {
        directory,
        ...(small ? { shape: 'small' as const } : {}),
        ...(megabytesPerShard === undefined ? {} : { megabytesPerShard }),
        ...(machines ? { machines } : {}),
      };
      await withLab(async (lab) => {
        await lab.up(say);
      }, options);
    },
  );

program
  .command('status')
  .description('what runs; ends with 1 when something is down')
  .addOption(directoryOption)
  .option('--json', 'for programs')
  .action(async ({ directory, json }: { directory: string; json?: boolean }) => {
    await withLab(
      async (lab) => {
        const services = await lab.services();
        if (json) say(JSON.stringify(services, null, 2));
        else for (const { machine, unit, said } of services) say(`${machine.padEnd(12)}${unit.padEnd(34)}${said}`);
        if (services.some(({ running }) => !running)) process.exitCode = 1;
      },
      { directory },
    );
  });

program
  .command('down')
  .description('end every process of the lab; its disks stay')
  .addOption(directoryOption)
  .action(({ directory }: { directory: string }) => withLab((lab) => lab.down(say), { directory }));

program
  .command('power')
  .description('power loss of a machine, and its return')
  .addArgument(program.createArgument('<state>').choices(['off', 'on']))
  .argument('<machine>', 'for example mongo-1')
  .addOption(directoryOption)
  .action((state: 'off' | 'on', machine: string, { directory }: { directory: string }) =>
    withLab((lab) => (state === 'off' ? lab.powerOff(machine) : lab.powerOn(machine)), { directory }),
  );

program
  .command('fault')
  .description('set faults of a component; "name=" takes one away')
  .argument('<machine>', 'for example front-1')
  .argument('<component>', 'for example ingest-external')
  .argument('<name=value...>', knobNames.join(', '), knob)
  .addOption(directoryOption)
  .action(async (machine: string, component: string, knobs: Record<string, never>, { directory }: { directory: string }) => {
    await withLab(
      async (lab) => {
        say(`${component} on ${machine}: ${JSON.stringify(await lab.setKnobs(machine, component, knobs))}`);
      },
      { directory },
    );
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
