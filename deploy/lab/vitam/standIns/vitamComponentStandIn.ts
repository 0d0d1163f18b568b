// STANDS IN FOR any VITAM component (a Java service) in the lab: a small HTTP program with the component's ports and its status pages,
// and with the real shapes (vitam 18, 20-23) where the cold backup looks (processing, logbook, scheduler). It stores no
// archives. It ends on TERM with exit status 143, as a JVM does. Faults: StandInKnobs, a JSON file on the machine's disk.
// Started as `vitamComponentStandIn.ts CONFIGURATION.json`. Imports stay small: some twenty of these run at once.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { fault, results } from './envelope.ts';
import type { StandInAnswer, StandInApi, StandInConfiguration, StandInKnobs, StandInRequest } from './standIn.contract.ts';

const bodyBytesMax = 1024 * 1024;
const defaultStopSeconds = 0.2;

const configurationFile = process.argv[2];
if (!configurationFile) throw new Error('usage: vitamComponentStandIn.ts CONFIGURATION.json');
const configuration = JSON.parse(readFileSync(configurationFile, 'utf8')) as StandInConfiguration;

function knobs(): StandInKnobs {
  try {
    return JSON.parse(readFileSync(configuration.knobsFile, 'utf8')) as StandInKnobs;
  } catch {
    return {};
  }
}

function say(line: string): void {
  console.log(`${new Date().toISOString()} ${configuration.component} (stand-in): ${line}`);
}

async function apiOf(component: string): Promise<StandInApi> {
  switch (component) {
    case 'processing':
      return (await import('./processingApi.ts')).processingApi(configuration);
    case 'logbook':
      return (await import('./logbookApi.ts')).logbookApi(configuration);
    case 'scheduler':
      return (await import('./schedulerApi.ts')).schedulerApi(configuration);
    default:
      return () => null;
  }
}

const statusPages: StandInApi = ({ path }) => {
  if (path === '/admin/v1/status')
    return {
      status: 200,
      body: { serverIdentity: { Name: configuration.component, Role: configuration.component, PlatformId: 0 }, status: true },
    };
  if (path === '/admin/v1/autotest') {
    const part = { httpCode: 200, code: '000000', context: configuration.component, state: 'OK', message: 'Sub-service is available' };
    return {
      status: 200,
      body: {
        httpCode: 200,
        code: '000000',
        context: configuration.component,
        state: 'OK',
        message: 'All services are available',
        errors: [part],
      },
    };
  }
  return null;
};

async function readRequest(incoming: IncomingMessage): Promise<StandInRequest> {
  let text = '';
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > bodyBytesMax) throw new Error(`body of more than ${bodyBytesMax} bytes`);
  }
  const url = new URL(incoming.url ?? '/', 'http://lab');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

async function answerOf(apis: StandInApi[], incoming: IncomingMessage): Promise<StandInAnswer> {
  const set = knobs();
  if (set.answerSeconds) await sleep(set.answerSeconds * 1000);
  if (set.statusCode !== undefined && set.statusCode >= 400) return fault(set.statusCode, 'set by a knob of the lab');
  const request = await readRequest(incoming);
  for (const api of apis) {
    const answer = await api(request, set);
    if (answer) return set.statusCode === undefined ? answer : { ...answer, status: set.statusCode };
  }
  return request.path === '/'
    ? results([])
    : fault(404, `${configuration.component} (stand-in) does not know ${request.method} ${request.path}`);
}

function serve(apis: StandInApi[], port: number): void {
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    answerOf(apis, incoming)
      .catch((error: unknown) => fault(400, String(error)))
      .then(({ status, headers = {}, body }) => {
        outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
        outgoing.end(body === undefined || incoming.method === 'HEAD' ? undefined : JSON.stringify(body));
      })
      .catch((error: unknown) => say(String(error)));
  });
  server.on('error', (error) => {
    say(error.message);
    process.exit(1);
  });
  server.listen(port, configuration.address, () => say(`listens on ${configuration.address}:${port}`));
}

process.on('SIGTERM', () => {
  const { refuseStop, stopSeconds = defaultStopSeconds, exitStatus = 143 } = knobs();
  if (refuseStop) return say('TERM ignored: refuseStop is set');
  say('TERM: ends');
  setTimeout(() => process.exit(exitStatus), stopSeconds * 1000);
});

const { startSeconds, dieAfterStart } = knobs();
if (dieAfterStart !== undefined && dieAfterStart !== false)
  setTimeout(
    () => {
      say('dies: dieAfterStart is set');
      process.exit(1);
    },
    dieAfterStart === true ? 0 : dieAfterStart * 1000,
  );
// A process without an open port ends by itself in Node, so the wait keeps it alive.
if (startSeconds) await sleep(startSeconds * 1000);
const api = await apiOf(configuration.component);
serve([statusPages, api], configuration.servicePort);
if (configuration.adminPort !== undefined) serve([statusPages, api], configuration.adminPort);
