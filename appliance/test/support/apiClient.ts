// SPDX-License-Identifier: Apache-2.0
/** A client of the API that compares every answer with what the API says about itself. */
import { Ajv2020 } from "ajv/dist/2020.js";
import * as assert from "uvu/assert";
import { asObject, getAt } from "../../src/shared/json.ts";
import { get, type HttpAnswer } from "./gateway.ts";

export interface Called extends HttpAnswer {
  /** The body, where it is JSON. */
  json: unknown;
}

export class ApiClient {
  readonly #port: () => number;
  readonly #description: Record<string, unknown>;
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });
  /** Headers of every request. */
  headers: Record<string, string> = {};
  /** Operations that were called, as "GET /path". */
  readonly called = new Set<string>();

  private constructor(port: () => number, description: Record<string, unknown>) {
    this.#port = port;
    this.#description = description;
    this.#ajv.addSchema({ $id: "api", ...description });
  }

  static async open(port: () => number): Promise<ApiClient> {
    const { body } = await get(port(), "/api/v1/openapi.json");
    return new ApiClient(port, JSON.parse(body) as Record<string, unknown>);
  }

  /** What the API says that it can do. */
  get operations(): string[] {
    return Object.entries(asObject(this.#description["paths"])).flatMap(([path, methods]) =>
      Object.keys(asObject(methods)).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Called> {
    const payload = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    const options = { method, headers: { ...type, ...this.headers, ...headers }, ...payload };
    const answer = await get(this.#port(), path, options);
    const isJson = answer.body !== "" && /json/.test(String(answer.headers["content-type"]));
    const json: unknown = isJson ? JSON.parse(answer.body) : undefined;
    this.#compare(method, path, answer, json);
    return { ...answer, json };
  }

  /** Makes the first administrator; from then on this client is logged in. */
  async setUp(token: string, password: string): Promise<void> {
    const answer = await this.call("POST", "/api/v1/setup", { token, name: "admin", password });
    assert.is(answer.status, 200, answer.body);
    const { csrfToken } = answer.json as { csrfToken: string };
    this.headers = { Cookie: String(answer.headers["set-cookie"]).split(";")[0] ?? "", "X-CSRF-Token": csrfToken };
  }

  #compare(method: string, path: string, answer: HttpAnswer, json: unknown): void {
    const [plain = ""] = path.split("?");
    const template = this.#template(plain, method);
    if (template === undefined) return;
    this.called.add(`${method} ${template}`);
    const operation = ["paths", template, method.toLowerCase()];
    const responses = asObject(getAt(this.#description, [...operation, "responses"]));
    const range = `${String(answer.status).charAt(0)}XX`;
    const key = [String(answer.status), range].find((one) => one in responses) ?? "default";
    assert.ok(key !== "default" || answer.status >= 300, `${method} ${template} does not announce ${answer.status}`);
    const content = asObject(asObject(responses[key])["content"]);
    const [type] = Object.keys(content);
    if (type === undefined || answer.status === 304) return;
    const said = String(answer.headers["content-type"]).split(";")[0];
    assert.is(said, type, `${method} ${template}: ${answer.status}`);
    const reference = asObject(asObject(content[type])["schema"])["$ref"];
    if (reference === undefined) return; // plain text
    const validate = this.#ajv.compile({ $ref: `api${String(reference)}` });
    assert.ok(validate(json), `${method} ${template}: ${JSON.stringify(validate.errors)}`);
  }

  #template(path: string, method: string): string | undefined {
    const templates = Object.keys(asObject(this.#description["paths"]));
    const exact = templates.find((template) => template === path);
    if (exact !== undefined) return exact;
    return templates.find((template) => {
      const pattern = new RegExp(`^${template.replaceAll(/\{.+?\}/g, "[^/]+")}$`);
      return pattern.test(path) && method.toLowerCase() in asObject(getAt(this.#description, ["paths", template]));
    });
  }
}
