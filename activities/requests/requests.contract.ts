export interface RequestActivities {
  /**
   * Validates the input of a procedure and resolves what it names (definition file, order profile, defaults). A local activity: the validated
   * value, with its defaults, stands in history, and no schema is in the workflow bundle.
   * Fails with InvalidInput, InvalidDefinition or UnknownRunbook; the message lists every fault at once, each with its path.
   */
  readRequest(input: { procedure: string; input: unknown }): Promise<unknown>;
}
