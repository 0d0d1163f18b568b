/** Whose work a replacement was: a run answers for its own alone. */
export interface ReplacementOwner {
  replica: string;
  run: string;
}
