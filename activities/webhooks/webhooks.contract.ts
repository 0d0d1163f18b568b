export interface Webhook {
  /** How people call it: the URL itself is shown nowhere, since it may carry a key. */
  name: string;
  /** Name of the secret that holds the URL. */
  url: string;
  /** Name of the secret that holds the value of the header Authorization. */
  token?: string;
}

export interface Delivery {
  webhook: string;
  status: number;
  attempts: number;
  elapsedMs: number;
}

export interface WebhookActivities {
  /**
   * POSTs `{}` to the webhook (pix 31), with the header Idempotency-Key so that a receiver can tell a repeated delivery.
   * Repeatable: the same key. Fails with HttpUnreachable, HttpUnexpectedAnswer (any status but 2xx), CredentialsRejected (401, 403), SecretMissing.
   */
  deliverWebhook(input: { webhook: Webhook; idempotencyKey: string; timeoutSeconds: number }): Promise<Delivery>;
}
