/** Everything that a start has begun, ended in reverse order whatever happens. What cannot be ended is told, and makes the process fail. */
export class Started {
  private readonly ends: { what: string; end: () => Promise<unknown> }[] = [];
  private readonly say: (line: string) => void;

  constructor(say: (line: string) => void) {
    this.say = say;
  }

  add(what: string, end: () => Promise<unknown>): void {
    this.ends.push({ what, end });
  }

  async end(): Promise<void> {
    for (const { what, end } of this.ends.splice(0).reverse()) {
      try {
        await end();
        this.say(`${what}: ended`);
      } catch (error) {
        console.error(`${what} could not be ended: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      }
    }
  }
}
