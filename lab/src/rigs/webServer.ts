// SPDX-License-Identifier: Apache-2.0
// A web server on the host's loopback, for guests with a user-mode network: they find it at 10.0.2.2.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class WebServer {
  readonly #server: Server;
  readonly #files: ReadonlyMap<string, string>;

  private constructor(files: ReadonlyMap<string, string>) {
    this.#files = files;
    this.#server = createServer(async (request, response) => {
      const file = this.#files.get(request.url ?? "");
      if (file === undefined) {
        response.writeHead(404).end();
        return;
      }
      const { size, mtime } = await stat(file);
      response.writeHead(200, { "Content-Length": size, "Last-Modified": mtime.toUTCString() });
      createReadStream(file).pipe(response);
    });
  }

  /** @param files path of the address -> file */
  static async start(files: Readonly<Record<string, string>>): Promise<WebServer> {
    const web = new WebServer(new Map(Object.entries(files)));
    await new Promise<void>((resolve) => web.#server.listen(0, "127.0.0.1", resolve));
    return web;
  }

  /** As guests write it. */
  address(path: string): string {
    return `http://10.0.2.2:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
