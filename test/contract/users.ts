import { apiBody, reply, type Step } from "../support/fault-server.ts";
import type { Json } from "../support/server-process.ts";

/** What a row says of a user, which may need to know who is asked for. */
type More = Json | ((email: string, phone: string) => Json);

/** The user whom a request asks for, as Prelude's reference shows one, with what the row is about. */
const userOf = (path: string, more: More): Json => {
  const number = /\d{4}(?=(?:@example\.com)?$)/.exec(decodeURIComponent(path))?.[0];
  const email = `jane.${number}@example.com`;
  const phone = `+1555010${number}`;
  return {
    id: `usr_${number}`,
    status: "active",
    identifiers: [
      { type: "email_address", value: email },
      { type: "phone_number", value: phone },
    ],
    profile: { first_name: "Jane", locale: "en" },
    created_at: "2025-04-01T00:00:00Z",
    updated_at: "2026-01-02T03:04:05.678Z",
    scopes: ["a"],
    external_id: null,
    ...(typeof more === "function" ? more(email, phone) : more),
  };
};

/** The only identifier of a user. */
export const only = (type: string, value: string): Json => ({ identifiers: [{ type, value }] });

/** An answer that holds the user who was asked for, and one that holds a list of such. */
export const one =
  (more: More = {}): Step =>
  (exchange) =>
    reply(200, { user: userOf(exchange.request.path, more) })(exchange);
export const list =
  (...all: More[]): Step =>
  (exchange) =>
    reply(200, { users: all.map((more) => userOf(exchange.request.path, more)) })(exchange);

/** An answer whose profile is this JSON text, which JavaScript's own writer could not make. */
export const oneWith =
  (profile: string): Step =>
  (exchange) => {
    const user = JSON.stringify(userOf(exchange.request.path, { profile: "@" }));
    reply(200, `{"user":${user.replace('"@"', profile)}}`)(exchange);
  };

/** An error of Prelude's own. */
export const says = (status: number, code: string, headers: Record<string, string> = {}): Step =>
  reply(status, apiBody(code), headers);
