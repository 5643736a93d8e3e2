// SPDX-License-Identifier: Apache-2.0
/** The API's routes for the page's certificate. Its key comes in, and never goes out. */
import { asObject } from "../../shared/json.ts";
import { json, type Route } from "./router.ts";
import type { Certificates } from "./tls.ts";

/** @param hostname the gateway's present name */
export function certificateRoutes(certificates: Certificates, hostname: () => string): Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/system/certificate",
      access: "read",
      summary: "What the page's certificate says, and how long it holds",
      answers: { 200: "Certificate" },
      handler: () => json(certificates.info),
    },
    {
      method: "GET",
      path: "/api/v1/system/certificate/pem",
      access: "read",
      summary: "The page's certificate with those that vouch for it, as a PEM file; without the key",
      answers: { 200: "text" },
      handler: () => ({
        status: 200,
        headers: {
          "Content-Type": "text/plain; charset=utf-8",
          "Cache-Control": "no-store",
          "Content-Disposition": `attachment; filename="${hostname()}.pem"`,
        },
        body: certificates.pem,
      }),
    },
    {
      method: "PUT",
      path: "/api/v1/system/certificate",
      access: "admin",
      summary: "Replaces key and certificate, from the next connection on; what does not fit together is refused",
      body: "NewCertificate",
      answers: { 200: "Certificate" },
      handler: async ({ body }) => {
        const { key, certificate } = asObject(body);
        return json(await certificates.replace({ key: String(key), certificate: String(certificate) }));
      },
    },
    {
      method: "POST",
      path: "/api/v1/system/certificate/regenerate",
      access: "admin",
      summary: "Makes a new key with a self-signed certificate for the gateway's present name",
      answers: { 200: "Certificate" },
      handler: async () => json(await certificates.regenerate(hostname())),
    },
  ];
}
