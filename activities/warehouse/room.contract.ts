/** Room that a replacement of the warehouse may take. */
export interface RoomLimits {
  /** Of all databases of the target's server together, bytes; absent: only the disk, where it can be seen. */
  targetBytesMax?: number | null;
  /** A dump's size as a share of the bytes of the rows without indexes. */
  dumpShare: number;
}
