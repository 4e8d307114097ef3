import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// Prelude's place: answers each PATCH with 204. A process of its own, told to whoever started it.
const server = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(204).end());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
