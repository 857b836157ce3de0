/** For tests of webhooks: a service of somebody else's that is asked about requests, with certificates of its own. Only tests import this file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { SubjectAccessReviewStatus } from '../../api/schema/types/authorization-v1.ts';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import { RealClock } from '../../lib/clock.ts';
import { CertificateAuthority } from '../certificates/certificate-authority.ts';
import type { ReviewSpec } from './review-spec.ts';

export interface AskedReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: ReviewSpec;
}

/** What the service does with a question: an answer, an HTTP status, or text that is none. */
export type Reaction =
  | SubjectAccessReviewStatus
  | { readonly code: number }
  | { readonly text: string }
  | 'silence'
  | 'reset';

export class ReviewService {
  readonly asked: AskedReview[] = [];
  /** Who asked, by the client certificate. */
  readonly callers: (string | undefined)[] = [];
  react: (review: AskedReview) => Reaction = () => ({ allowed: false });
  readonly folder: string;
  readonly kubeConfigFile: string;
  readonly #server: Server;

  private constructor(folder: string, server: Server) {
    this.folder = folder;
    this.kubeConfigFile = path.join(folder, 'kubeconfig');
    this.#server = server;
  }

  static async start(): Promise<ReviewService> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'naru-reviews-'));
    const authority = await CertificateAuthority.open({ folder: path.join(folder, 'pki'), clock: new RealClock() });
    const { certificate, key } = await authority.servingCertificate(['127.0.0.1']);
    const tls = { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    const server = createServer(tls);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const service = new ReviewService(folder, server);
    service.#listen();
    const client = await authority.issueClient({ user: 'api-server', groups: [] });
    await writeKubeconfig(service.kubeConfigFile, {
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}/authorize`,
      ca: authority.certificate,
      clientCert: client.certificate,
      clientKey: client.key,
      user: 'api-server',
      cluster: 'webhook',
    });
    return service;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.folder, { recursive: true });
  }

  #listen(): void {
    this.#server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as AskedReview;
        this.asked.push(review);
        this.callers.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString());
        const reaction = this.react(review);
        if (reaction === 'silence') return;
        if (reaction === 'reset') return void request.socket.destroy();
        if ('code' in reaction) return void response.writeHead(reaction.code).end('no');
        const { apiVersion, kind, spec } = review;
        const text = 'text' in reaction ? reaction.text : JSON.stringify({ apiVersion, kind, spec, status: reaction });
        response.writeHead(201, { 'content-type': 'application/json' }).end(text);
      });
    });
  }
}
