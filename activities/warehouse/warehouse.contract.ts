/** Whose work something in the target is: a run answers for its own alone. */
export interface ReplicaRun {
  replica: string;
  run: string;
}

/** Schemas of ours in the target. */
export const ownSchemas = {
  /** Checkpoints, and what runs brought into use. */
  bookkeeping: 'nightshift',
  /** Where the next copy is built, and yesterday's for an instant undo. */
  next: 'nightshift_next',
  previous: 'nightshift_previous',
  /** Where a table is loaded whole, and where one that is replaced stands for the moment of the swap. */
  load: 'nightshift_load',
  retired: 'nightshift_retired',
  /** Where tables of learning content are filled, and where yesterday's wait. */
  contentNext: 'nightshift_content_next',
  contentPrevious: 'nightshift_content_previous',
  /** Where a table of open data is filled: it exists inside the transaction alone. */
  openData: 'nightshift_open_data',
} as const;

/** All but the bookkeeping: copies under way and former ones are no part of the database's content. */
export const workSchemas: readonly string[] = Object.values(ownSchemas).filter((name) => name !== ownSchemas.bookkeeping);

/** Room that a replacement of the warehouse may take. */
export interface RoomLimits {
  /** Of all databases of the target's server together, bytes; absent: only the disk, where it can be seen. */
  targetBytesMax?: number | null;
  /** A dump's size as a share of the bytes of the rows without indexes. */
  dumpShare: number;
}
