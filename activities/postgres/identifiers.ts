import pg from 'pg';

/** An identifier as it stands in SQL. */
export function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}

export function qualified(schema: string, name: string): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

export function literal(text: string): string {
  return pg.escapeLiteral(text);
}
