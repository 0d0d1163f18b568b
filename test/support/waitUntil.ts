/** Waits for a condition, with a named limit that a busy machine does not meet. */
export async function waitUntil(what: string, condition: () => boolean | Promise<boolean>, limitMs = 180_000): Promise<void> {
  const beganMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - beganMs > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
