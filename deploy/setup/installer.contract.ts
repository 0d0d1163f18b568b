export type ToolName = 'temporal' | 'timeSkippingServer' | 'mongod' | 'supervisor' | 'objectStore' | 'postgres';
export type Say = (line: string) => void;

export interface Installer {
  version: string;
  /** What `tool` answers, below the tool's folder. */
  program: string;
  /** A program that the user names; it goes before all others. */
  named: () => string | null;
  /** A program that the machine has already; it goes before ours. */
  present?: () => Promise<string | null>;
  /** Puts everything into `folder`, which is renamed to `home` when this returns: what names its own place names `home`. */
  install: (folder: string, home: string, say: Say) => Promise<void>;
}
