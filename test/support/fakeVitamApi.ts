import { failure } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { HttpAnswer, HttpRequest } from '../../activities/http/http.contract.ts';
import type { VitamPlatform } from '../../workflows/vitam/platform.contract.ts';

/** The HTTP side of the fake platform: workflows on processing, securisation, scheduler, autotests. A service that is down answers nothing. */
export abstract class FakeVitamApi {
  protected paused = false;
  private nowAt = new Date().toISOString();
  protected securedAt: string | null = null;
  /** Operations that processing still lists, by tenant; one is taken away at each look. */
  readonly operations: { tenant: number; operationId: string; globalState: string; stepStatus: string; looksLeft: number }[] = [];
  /** Outcome of a securisation triggered by hand. */
  securisationOutcome = 'OK';
  /** The platform's clock: with a time-skipping server its time, not this computer's. */
  clock: () => Promise<number> = async () => Date.now();
  /** When the securisation runs by itself, if it does. */
  securesItselfAt: number | null = null;
  /** The securisation runs by itself, and ends right before somebody looks which jobs run. */
  securesItselfBeforeLook = false;
  readonly violations: string[] = [];
  protected readonly platform: VitamPlatform;

  constructor(platform: VitamPlatform) {
    this.platform = platform;
  }

  protected abstract isRunning(host: string, unit: string): boolean;

  protected rule(holds: boolean, text: string): void {
    if (!holds) this.violations.push(text);
  }

  protected accepted(answer: HttpAnswer, accept: number[]): HttpAnswer {
    if (!accept.includes(answer.status)) throw failure('HttpUnexpectedAnswer', `status ${answer.status}`);
    return answer;
  }

  protected answer(host: HostRef, { method, path, port, headers }: HttpRequest): HttpAnswer {
    const component = this.platform.components.find(
      (each) => (each.servicePort === port || each.adminPort === port) && each.hosts.some(({ name }) => name === host.name),
    );
    if (!component || !this.isRunning(host.name, component.unit)) throw failure('HttpUnreachable', `${host.name}:${port} refused`);
    const json = (body: unknown, status = 200): HttpAnswer => ({ status, headers: {}, json: body, elapsedMs: 1 });
    const route = `${method} ${path}`;
    if (path.startsWith('/admin/')) return json({ status: 'ok' });
    if (route === 'GET /processing/v1/operations') return json(this.operationsOf(Number(headers?.['x-tenant-id'])));
    if (route === 'POST /logbook/v1/operations/traceability') {
      const needs = this.platform.securisation.mechanism === 'none' ? [] : this.platform.securisation.at.needs;
      for (const need of needs)
        for (const each of this.platform.components.filter(({ name }) => name === need))
          for (const place of each.hosts) this.rule(this.isRunning(place.name, each.unit), `securisation without ${each.unit}`);
      this.securedAt = this.nowAt;
      return json([{ tenantId: 1, operationId: 'secured-1' }]);
    }
    if (path.startsWith('/logbook/v1/operations/')) return json({ $results: [{ outcome: this.securisationOutcome }] });
    if (route === 'GET /logbook/v1/operations')
      return json({
        $results:
          this.securedAt && this.securisationOutcome !== 'none' ? [{ outcome: this.securisationOutcome, evDateTime: this.securedAt }] : [],
      });
    if (path.startsWith('/logbook/v1/lifecycles/') && method === 'POST') return json(null, 202);
    if (route === 'GET /scheduler/v1/current-jobs') {
      if (this.securesItselfBeforeLook) this.securedAt ??= this.nowAt;
      return json([]);
    }
    if (route === 'PUT /scheduler/v1/pause/ALL') {
      this.rule(this.securedAt !== null, 'the scheduler was paused before the securisation had ended');
      this.paused = true;
      return json(null, 202);
    }
    if (route === 'PUT /scheduler/v1/resume/ALL') {
      this.paused = false;
      return json(null, 202);
    }
    return json(null, 404);
  }

  /** Reads the clock once per request; what the hour brings by itself happens here. */
  protected async passTime(): Promise<void> {
    const now = await this.clock();
    this.nowAt = new Date(now).toISOString();
    if (this.securesItselfAt !== null && now >= this.securesItselfAt && this.securedAt === null)
      this.securedAt = new Date(this.securesItselfAt).toISOString();
  }

  protected operationsOf(tenant: number): unknown {
    const mine = this.operations.filter((operation) => operation.tenant === tenant && operation.looksLeft > 0);
    for (const operation of mine) operation.looksLeft -= 1;
    return {
      $hits: { total: mine.length },
      $results: mine.map(({ operationId, globalState, stepStatus }) => ({ operationId, globalState, stepStatus })),
    };
  }
}
