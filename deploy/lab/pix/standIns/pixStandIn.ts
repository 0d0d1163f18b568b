// One stand-in as a process: `pixStandIn.ts lcms --key-file FILE`. Its address is the first line that it prints, as JSON.
import { readFileSync } from 'node:fs';

import { Command, InvalidArgumentError } from 'commander';

import { startApplicationStandIn } from './applicationStandIn.ts';
import { startLcmsStandIn } from './lcmsStandIn.ts';
import { startOpenDataStandIn } from './openDataStandIn.ts';
import { startWebhookReceiverStandIn } from './webhookReceiverStandIn.ts';

const program = new Command('pixStandIn').description(
  'Stand-ins of the lab for the services around Pix. PUT /lab/faults, GET /lab/requests.',
);

program
  .command('lcms')
  .description('the learning content API')
  .requiredOption('--key-file <file>', 'holds the bearer token')
  .option('--client <name>', 'wanted value of the header "client"', 'pix-db-replication')
  .option('--size <factor>', '1: some 1,700 items; 10: about a real referential', number, 1)
  .option('--port <port>', 'default: a free one', number, 0)
  .action(async ({ keyFile, ...setting }: { keyFile: string; client: string; size: number; port: number }) =>
    serve(await startLcmsStandIn({ ...setting, key: readFileSync(keyFile, 'utf8').trim() })),
  );

for (const [name, description, start] of [
  ['webhooks', 'a receiver of webhooks', startWebhookReceiverStandIn],
  ['openData', 'the site with the CPF list', startOpenDataStandIn],
  ['application', 'an application whose response time can be set', startApplicationStandIn],
] as const)
  program
    .command(name)
    .description(description)
    .option('--port <port>', 'default: a free one', number, 0)
    .action(async (place: { port: number }) => serve(await start(place)));

await program.parseAsync();

function number(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('a number is wanted');
  return value;
}

function serve({ url, stop }: { url: string; stop: () => Promise<void> }): void {
  console.log(JSON.stringify({ url }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
}
