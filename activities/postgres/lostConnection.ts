/**
 * Words of libpq, and of a server that ends its sessions. Which of them a tool says depends on what came first: the server's farewell, the end of the connection, or
 * its reset by a system that threw away what was still to be read.
 */
const words =
  /could not (connect|receive data|send data|translate host name)|connection (to server|reset|refused|timed out)|server closed the connection|terminating connection|no connection to the server|SSL (SYSCALL error|connection has been closed)|the database system is (starting up|shutting down|in recovery mode|not yet accepting)/i;

/** Whether the error output of a client tool says that there was no connection, or no more: another try may pass. */
export function saysLostConnection(told: string): boolean {
  return words.test(told);
}
