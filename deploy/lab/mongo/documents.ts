import type { Document } from 'mongodb';

/** A small generator of numbers that gives the same row for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
const words =
  'archives dossier série registre acte versement service producteur carton liasse plan carte correspondance rapport délibération budget marché école hôpital commune département préfecture tribunal notaire cadastre'.split(
    ' ',
  );
/** About half of a document does not compress, as identifiers, digests and timestamps do not. */
const noiseBytes = 1350;
const wordCount = 230;
export const documentBytes = 4096;

/**
 * Archive-like documents of about `documentBytes`, each with its own identifier (VITAM's look like these: 36 characters of base 32).
 * The same seed gives the same documents.
 */
export function* documents({
  count,
  seed,
  kind,
  ordered,
}: {
  count: number;
  seed: number;
  kind: string;
  ordered: boolean;
}): Generator<Document & { _id: string }> {
  const next = numbers(seed);
  const noise = Buffer.alloc(noiseBytes);
  for (let index = 0; index < count; index += 1) {
    for (let offset = 0; offset + 4 <= noiseBytes; offset += 4) noise.writeUInt32LE(next(), offset);
    const text: string[] = [];
    for (let word = 0; word < wordCount; word += 1) text.push(words[next() % words.length] ?? '');
    const tenant = next() % 3;
    const operation = identifier('aeeaaaaaac', next, 26);
    yield {
      _id: ordered ? `aeaqaaaaaa${String(index).padStart(26, '0')}` : identifier('aeaqaaaaaa', next, 26),
      kind,
      Title: `${text[0]} ${index}`,
      DescriptionLevel: index % 10 === 0 ? 'RecordGrp' : 'Item',
      Description: text.join(' '),
      _tenant: tenant,
      _opi: operation,
      _ops: [operation],
      _sp: `SP-${next() % 40}`,
      _storage: { strategyId: 'default', digest: noise.toString('base64') },
      _v: next() % 5,
      _av: 0,
    };
  }
}

function identifier(prefix: string, next: () => number, length: number): string {
  let made = prefix;
  while (made.length < prefix.length + length) {
    const value = next();
    for (let shift = 0; shift < 30 && made.length < prefix.length + length; shift += 5) made += base32[(value >>> shift) & 31];
  }
  return made;
}
