import { createHash } from 'node:crypto';

/**
 * MongoDB's hash of a string in a hashed index: the first 8 bytes, as a signed little-endian number, of the MD5 of
 * seed (0), canonical type (string: 15) and the value as BSON has it (length, bytes, a zero byte).
 */
export function hashedKeyOf(text: string): bigint {
  const bytes = Buffer.from(text, 'utf8');
  const input = Buffer.alloc(4 + 4 + 4 + bytes.length + 1);
  input.writeInt32LE(0, 0);
  input.writeInt32LE(15, 4);
  input.writeInt32LE(bytes.length + 1, 8);
  bytes.copy(input, 12);
  return createHash('md5').update(input).digest().readBigInt64LE(0);
}
