import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { BSON } from 'mongodb';

const replyCode = 1;
const queryCode = 2004;
const messageCode = 2013;
const headerBytes = 16;

/** A stand-in for mongos, not one: it speaks the wire protocol, says that it is a router, and keeps a balancer's mode. No authentication, no data. */
export interface MongosStandIn {
  port: number;
  /** Names of the commands that came, in order. */
  commands: string[];
  mode: 'full' | 'off';
  /** How many more answers say that a round runs. */
  roundsLeft: number;
  /** Does not obey: the mode stays what it is. */
  stubborn: boolean;
  close(): Promise<void>;
}

export async function startMongosStandIn(): Promise<MongosStandIn> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let pending = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
        const length = pending.readInt32LE(0);
        socket.write(answerTo(standIn, pending.subarray(0, length)));
        pending = pending.subarray(length);
      }
    });
  });
  const standIn: MongosStandIn = {
    port: 0,
    commands: [],
    mode: 'full',
    roundsLeft: 0,
    stubborn: false,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  standIn.port = (server.address() as AddressInfo).port;
  return standIn;
}

function answerTo(standIn: MongosStandIn, message: Buffer): Buffer {
  const requestId = message.readInt32LE(4);
  if (message.readInt32LE(12) === messageCode) {
    // Flags, then one section of kind 0: the command.
    const body = Buffer.concat([Buffer.alloc(5), BSON.serialize(execute(standIn, BSON.deserialize(message.subarray(headerBytes + 5))))]);
    return frame(requestId, messageCode, body);
  }
  // The first hello of a connection may come as OP_QUERY: flags, collection name, two numbers, the command.
  if (message.readInt32LE(12) !== queryCode) throw new Error(`test: operation code ${message.readInt32LE(12)}`);
  const begin = message.indexOf(0, headerBytes + 4) + 1 + 8;
  const before = Buffer.alloc(20);
  before.writeInt32LE(1, 16);
  return frame(requestId, replyCode, Buffer.concat([before, BSON.serialize(execute(standIn, BSON.deserialize(message.subarray(begin))))]));
}

function frame(answersTo: number, code: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeInt32LE(headerBytes + body.length, 0);
  header.writeInt32LE(answersTo, 8);
  header.writeInt32LE(code, 12);
  return Buffer.concat([header, body]);
}

function execute(standIn: MongosStandIn, command: BSON.Document): BSON.Document {
  const [name = ''] = Object.keys(command);
  switch (name) {
    case 'hello':
    case 'ismaster':
    case 'isMaster':
      return { isWritablePrimary: true, ismaster: true, msg: 'isdbgrid', maxWireVersion: 17, minWireVersion: 0, helloOk: true, ok: 1 };
    case 'ping':
    case 'endSessions':
      return { ok: 1 };
    case 'balancerStop':
    case 'balancerStart':
      standIn.commands.push(name);
      if (!standIn.stubborn) standIn.mode = name === 'balancerStop' ? 'off' : 'full';
      return { ok: 1 };
    case 'balancerStatus': {
      standIn.commands.push(name);
      const inBalancerRound = standIn.roundsLeft > 0;
      standIn.roundsLeft -= 1;
      return { mode: standIn.mode, inBalancerRound, numBalancerRounds: 1, ok: 1 };
    }
    case 'find':
    case 'aggregate':
      // Collections of the database "config": no migration, no lock.
      return { cursor: { id: BSON.Long.ZERO, ns: `config.${String(command[name])}`, firstBatch: [] }, ok: 1 };
    default:
      return { ok: 0, code: 59, codeName: 'CommandNotFound', errmsg: `no such command: ${name}` };
  }
}
