import { apiBody, reply, type Step } from "../support/fault-server.ts";
import { contract, type Row } from "./harness.ts";

const says = (status: number, code: string, headers: Record<string, string> = {}): Step =>
  reply(status, apiBody(code), headers);

const documented: Row[] = [
  { name: "204: the keys are written", is: { status: "updated" } },
  {
    name: "400 invalid_request",
    answers: [says(400, "invalid_request")],
    is: {
      status: "not_updated",
      code: "invalid_request",
      keys: ["first_name"],
      http_status: 400,
    },
  },
  {
    name: "404 user_not_found",
    answers: [says(404, "user_not_found")],
    is: { status: "not_updated", code: "user_not_found", http_status: 404 },
  },
];

contract([{ name: "what Prelude documents", rows: documented }]);
